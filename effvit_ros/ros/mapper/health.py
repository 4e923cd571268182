"""What the mapper counts, and how it says that on /diagnostics."""
from __future__ import annotations

import time
from collections import Counter
from typing import Any, Dict, Optional, Tuple

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from effvit_ros.core import topics
from effvit_ros.ros.mapper.live_map import LiveMap

#: Seconds without a mapped picture after which the map is told to stand still.
STANDS_S = 5.0
LOG_PERIOD_S = 5.0


class MapperHealth:
    """Counts of one node, from any of its threads."""

    def __init__(self, node: Node) -> None:
        """Create the publisher on ``node``."""
        self._node = node
        self._publisher = node.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, 10)
        self.reset()

    def reset(self) -> None:
        """Start counting anew."""
        self.counts: Counter[str] = Counter()
        self._problems: Counter[str] = Counter()
        self._last_problem = ''
        self._problem_at = self._mapped_at = self._received_at = float('-inf')
        self._since = time.monotonic()

    def activated(self) -> None:
        """Note that labels may come from now on."""
        self._since = time.monotonic()

    def left_out(self, kind: str, text: str) -> None:
        """Count what was not mapped, by a kind of PoseProblem.KINDS, and log it now and then."""
        self._problems[kind] += 1
        self._last_problem, self._problem_at = f'{kind}: {text}', time.monotonic()
        self._node.get_logger().warning(f'left out, {self._last_problem}',
                                        throttle_duration_sec=LOG_PERIOD_S)

    def received(self) -> None:
        """Count labels that came."""
        self.counts['received'] += 1
        self._received_at = time.monotonic()

    def mapped(self, weighed: bool) -> None:
        """Count a picture; ``weighed``: by its confidence."""
        self.counts['mapped'] += 1
        self.counts['weighed by confidence'] += weighed
        self._mapped_at = time.monotonic()

    def publish(self, state: str, live_map: Optional[LiveMap]) -> None:
        """Publish; ``live_map`` is None in states without one."""
        level, message = self._judge(state, live_map)
        values: Dict[str, Any] = {'state': state, **self.counts,
                  **{f'left out, {kind}': n for kind, n in sorted(self._problems.items())}}
        if live_map is not None:
            values.update({'tiles': len(live_map.ground.store.keys()),
                           'poses without covariance': live_map.assumed})
        if self._last_problem:
            values['last problem'] = self._last_problem
        name = self._node.get_fully_qualified_name().lstrip('/')
        array = DiagnosticArray(status=[DiagnosticStatus(
            level=level, name=f'{name}: mapping', message=message, hardware_id=name,
            values=[KeyValue(key=k, value=str(v)) for k, v in values.items()])])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)

    def _judge(self, state: str, live_map: Optional[LiveMap]) -> Tuple[bytes, str]:
        if state != 'active':
            return DiagnosticStatus.OK, state
        last, now = max(self._mapped_at, self._since), time.monotonic()
        if now - last > STANDS_S:
            why = 'no labels come'
            if self._problem_at > last:
                why = self._last_problem
            elif now - self._received_at < STANDS_S:
                why = 'there is no time for it on this machine'
            return DiagnosticStatus.WARN, f'the map stands still: {why}'
        if live_map is not None and live_map.assumed:
            return DiagnosticStatus.WARN, ('poses tell no covariance: uncertainties of alerts '
                                           'are assumed')
        return DiagnosticStatus.OK, 'mapping'
