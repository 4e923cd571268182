"""The alert bridge: alerts in, STATUSTEXT out."""
from __future__ import annotations

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from effvit_ros.core import topics
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

    def __init__(self):
        """
        Open the link and start.

        :raises UserError: a parameter is wrong, or what the link needs is not installed.
        """
        super().__init__('alert_bridge')
        self._link: Any = None  # of one of four kinds
        self._outlets = []
        try:
            self._start(Parameters(self, BRIDGE_PARAMETERS, state=lambda: 'running'))
        except Exception:
            self.destroy_node()
            raise

    def destroy_node(self):
        """Close the link and the node."""
        if self._link is not None:
            self._link.close()
            self._link = None
        for outlet in self._outlets:
            outlet.close()
        self._outlets = []
        super().destroy_node()

    def _start(self, parameters):
        severities = parse_severities(parameters['severities'])
        # One for each topic, as each message tells the whole state of its own.
        self._announcers = [Announcer(severities), Announcer(severities)]
        self._placed = PlacedAlerts()
        self._cot: Any = None
        self._reminder_s = parameters['cot_stale'] / 2
        # By the steady clock: a link is no faster because a bag is.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        if parameters['link'] == 'mavlink':
            self._link = MavlinkLink(*(parameters[name] for name in (
                'address', 'baud', 'system_id', 'component_id')))
            self.create_timer(HEARTBEAT_PERIOD_S, self._beat, clock=steady)
        elif parameters['link'] != 'none':
            self._link = {'mavros': MavrosLink, 'px4': Px4Link}[parameters['link']](self)
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

    def _open_outlets(self, parameters, steady):
        if parameters['cot_address']:
            self._cot = CotSender(*(parameters[name] for name in (
                'cot_address', 'cot_source', 'cot_stale')))
            self._outlets.append(self._cot)
            self.create_timer(REMINDER_PERIOD_S, self._remind, clock=steady)
        if parameters['geojson_file']:
            self._outlets.append(GeojsonLines(parameters['geojson_file']))
        if self._link is None and not self._outlets:
            raise UserError("link is 'none' and neither cot_address nor geojson_file is given: "
                            'alerts would go nowhere')

    def _on_alerts(self, message):
        self._take(self._announcers[0], alerts_in(message))

    def _on_placed(self, message):
        alerts = alerts_in(message)
        self._take(self._announcers[1], alerts)
        for alert in self._placed.take(alerts):
            for outlet in self._outlets:
                if self._attempt(outlet.send, alert) and outlet is self._cot:
                    self._placed.sent(alert, time.monotonic())

    def _remind(self):
        for alert in self._placed.due(time.monotonic(), self._reminder_s):
            if self._attempt(self._cot.send, alert):
                self._placed.sent(alert, time.monotonic())

    def _take(self, announcer, alerts):
        announcer.take(alerts)
        if self._timer.is_canceled():
            self._send_next()

    def _send_next(self):
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

    def _beat(self):
        self._attempt(self._link.heartbeat)

    def _attempt(self, send, *arguments):
        try:
            send(*arguments)
        except OSError as error:
            self.get_logger().warning(f'the link is down, trying again: {error}',
                                      throttle_duration_sec=LOG_PERIOD_S)
            return False
        return True
