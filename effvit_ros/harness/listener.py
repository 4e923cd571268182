"""The one who listens while nodes run: their results, their health, and whether they live."""
from __future__ import annotations

import time
from typing import Any, Callable, Dict, Optional, Sequence, Tuple, TYPE_CHECKING

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from effvit_ros.core import topics
from effvit_ros.ros.health.health import segmenter_status

if TYPE_CHECKING:
    from effvit_ros.harness.processes import NodeProcess

#: Seconds until the first label map: building a scene and compiling a graph take a few.
READY_S = 120.0
_ERROR = 2  # diagnostic_msgs/DiagnosticStatus.ERROR


class Listener:
    """
    Hears label maps and diagnostics; every :meth:`spin` also looks after the node processes.

    Messages stay serialized unless it is asked otherwise, so that listening takes little from
    the nodes. ``label_maps`` counts those that came, ``diagnostics`` is name -> value of the
    segmenter's newest, with 'level' and 'message'.
    """

    def __init__(self, name: str, nodes: Sequence[NodeProcess],
                 on_labels: Optional[Callable[[bytes], None]] = None, depth: int = 100) -> None:
        """
        Subscribe.

        :param name: of the participant.
        :param nodes: each :class:`~effvit_ros.harness.processes.NodeProcess`; the last one is
            the segmenter.
        :param on_labels: called with each label map, serialized.
        :param depth: how many label maps may wait to be heard.
        """
        self._node = rclpy.create_node(name)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._processes = nodes
        self._on_labels = on_labels
        self.label_maps = 0
        self.diagnostics: Dict[str, Any] = {}
        self.subscribe(Image, topics.of_segmenter(topics.LABELS), self._heard, depth)
        self.subscribe(DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics, raw=False)

    def subscribe(self, message_type: Any, topic: str, callback: Callable[[Any], None],
                  depth: int = 100, raw: bool = True) -> None:
        """Also hear ``topic``; ``callback`` gets its messages, serialized where ``raw``."""
        self._node.create_subscription(
            message_type, topic, callback,
            QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE), raw=raw)

    def spin(self, timeout_s: float) -> None:
        """
        Handle one message, should it come within ``timeout_s``.

        :raises NodeFailed: a node has ended.
        """
        for process in self._processes:
            process.check()
        self._executor.spin_once(timeout_sec=timeout_s)

    def until_ready(self, wanted: int = 1, tell: Optional[Callable[[], None]] = None,
                    stopped: Optional[Callable[[], bool]] = None,
                    missing: Optional[Callable[[], Optional[Tuple[NodeProcess, str]]]] = None,
                    ) -> bool:
        """
        Wait until so many more label maps came; returns False when ``stopped()`` came first.

        :param tell: called after each message, and often.
        :param missing: returns the node that keeps the others waiting and what it owes, where
            that is not the segmenter.
        :raises NodeFailed: a node ended or reports an error, or it takes too long.
        """
        wanted += self.label_maps
        deadline = time.monotonic() + READY_S
        while self.label_maps < wanted:
            if stopped is not None and stopped():
                return False
            self.spin(0.05)
            if self.diagnostics.get('level') == _ERROR:
                raise self._processes[-1].failure(
                    f"the segmenter says: {self.diagnostics['message']}")
            if time.monotonic() > deadline:
                who, what = missing and missing() or (self._processes[-1], 'label map')
                raise who.failure(f'no {what} came from the {who.name} in {READY_S:.0f} s')
            if tell is not None:
                tell()
        return True

    def close(self) -> None:
        """Leave the network."""
        self._executor.shutdown()
        self._node.destroy_node()

    def _heard(self, raw: bytes) -> None:
        self.label_maps += 1
        if self._on_labels is not None:
            self._on_labels(raw)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.diagnostics = segmenter_status(message) or self.diagnostics
