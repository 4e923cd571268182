"""The alert bridge: alerts in, STATUSTEXT out."""
from __future__ import annotations

import time
from typing import Any, Callable, Iterable, List, Optional, Union

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from effvit_ros.core import topics
from effvit_ros.core.alerts import Alert
from effvit_ros.core.errors import UserError
from effvit_ros.ros.common.parameters import Parameters
from effvit_ros.ros.segmenter.alert_topic import alerts_in
from effvit_ros.telemetry.bridge_parameters import BRIDGE_PARAMETERS
from effvit_ros.telemetry.cot import CotSender
from effvit_ros.telemetry.geojson_lines import GeojsonLines
from effvit_ros.telemetry.mavlink_link import MavlinkLink
from effvit_ros.telemetry.placed import PlacedAlerts
from effvit_ros.telemetry.ros_links import MavrosLink, Px4Link
from effvit_ros.telemetry.status_text import Announcer, parse_severities, SEVERITIES

#: Seconds between two heartbeats, as MAVLink asks.
HEARTBEAT_PERIOD_S = 1.0
#: Seconds between two log lines about a link that is down.
LOG_PERIOD_S = 5.0
#: Seconds between two looks for markers that are to be sent again.
REMINDER_PERIOD_S = 1.0


class AlertBridge(Node):
    """
    Sends a STATUSTEXT for each change of an alert, no faster than ``max_rate``.

    Subscribes to ``segmenter/alerts`` and, for alerts with a place, to ``mapper/alerts``. It
    only sends: nothing is received from the link.
    """

    def __init__(self) -> None:
        """
        Open the link and start.

        :raises UserError: a parameter is wrong, or what the link needs is not installed.
        """
        super().__init__('alert_bridge')
        self._link: Union[MavlinkLink, MavrosLink, Px4Link, None] = None
        self._outlets: List[Union[CotSender, GeojsonLines]] = []
        try:
            self._start(Parameters(self, BRIDGE_PARAMETERS, state=lambda: 'running'))
        except Exception:
            self.destroy_node()
            raise

    def destroy_node(self) -> None:
        """Close the link and the node."""
        if self._link is not None:
            self._link.close()
            self._link = None
        for outlet in self._outlets:
            outlet.close()
        self._outlets = []
        super().destroy_node()

    def _start(self, parameters: Parameters) -> None:
        severities = parse_severities(parameters['severities'])
        # One for each topic, as each message tells the whole state of its own.
        self._announcers = [Announcer(severities), Announcer(severities)]
        self._placed = PlacedAlerts()
        self._cot: Optional[CotSender] = None
        self._reminder_s = parameters['cot_stale'] / 2
        # By the steady clock: a link is no faster because a bag is.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        if parameters['link'] == 'mavlink':
            mavlink = MavlinkLink(*(parameters[name] for name in (
                'address', 'baud', 'system_id', 'component_id')))
            self._link = mavlink
            self.create_timer(HEARTBEAT_PERIOD_S, lambda: self._beat(mavlink), clock=steady)
        elif parameters['link'] == 'mavros':
            self._link = MavrosLink(self)
        elif parameters['link'] == 'px4':
            self._link = Px4Link(self)
        self._open_outlets(parameters, steady)
        self._timer = self.create_timer(
            1.0 / parameters['max_rate'], self._send_next, clock=steady)
        latched = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE,
                             durability=DurabilityPolicy.TRANSIENT_LOCAL)
        subscriptions = [
            self.create_subscription(DiagnosticArray, topics.of_segmenter(topics.ALERTS),
                                     self._on_alerts, latched),
            self.create_subscription(DiagnosticArray, topics.of_mapper(topics.ALERTS),
                                     self._on_placed, latched)]
        ways = [w.description for w in (self._link, *self._outlets) if w is not None]
        self.get_logger().info(
            f"{', '.join(s.topic_name for s in subscriptions)} to {' and '.join(ways)}")

    def _open_outlets(self, parameters: Parameters, steady: Clock) -> None:
        if parameters['cot_address']:
            cot = CotSender(*(parameters[name] for name in (
                'cot_address', 'cot_source', 'cot_stale')))
            self._cot = cot
            self._outlets.append(cot)
            self.create_timer(REMINDER_PERIOD_S, lambda: self._remind(cot), clock=steady)
        if parameters['geojson_file']:
            self._outlets.append(GeojsonLines(parameters['geojson_file']))
        if self._link is None and not self._outlets:
            raise UserError("link is 'none' and neither cot_address nor geojson_file is given: "
                            'alerts would go nowhere')

    def _on_alerts(self, message: DiagnosticArray) -> None:
        self._take(self._announcers[0], alerts_in(message))

    def _on_placed(self, message: DiagnosticArray) -> None:
        alerts = alerts_in(message)
        self._take(self._announcers[1], alerts)
        for alert in self._placed.take(alerts):
            for outlet in self._outlets:
                if self._attempt(outlet.send, alert) and outlet is self._cot:
                    self._placed.sent(alert, time.monotonic())

    def _remind(self, cot: CotSender) -> None:
        for alert in self._placed.due(time.monotonic(), self._reminder_s):
            if self._attempt(cot.send, alert):
                self._placed.sent(alert, time.monotonic())

    def _take(self, announcer: Announcer, alerts: Iterable[Alert]) -> None:
        announcer.take(alerts)
        if self._timer.is_canceled():
            self._send_next()

    def _send_next(self) -> None:
        waiting = [(status.severity, i, status) for i, status in enumerate(
            a.next() for a in self._announcers) if status is not None]
        if not waiting or self._link is None:
            # Until the next alert, which is then sent at once.
            self._timer.cancel()
            return
        self._timer.reset()
        _, which, status = min(waiting)
        if self._attempt(self._link.send, status):
            self._announcers[which].sent(status)
            self.get_logger().info(f'{SEVERITIES[status.severity]}: {status.text}')

    def _beat(self, mavlink: MavlinkLink) -> None:
        self._attempt(mavlink.heartbeat)

    def _attempt(self, send: Callable[..., None], *arguments: Any) -> bool:
        try:
            send(*arguments)
        except OSError as error:
            self.get_logger().warning(f'the link is down, trying again: {error}',
                                      throttle_duration_sec=LOG_PERIOD_S)
            return False
        return True
