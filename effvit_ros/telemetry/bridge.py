"""The alert bridge: alerts in, STATUSTEXT out."""
from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from effvit_ros.ros.common.parameters import Parameters
from effvit_ros.ros.segmenter.alert_topic import alerts_in
from effvit_ros.telemetry.bridge_parameters import BRIDGE_PARAMETERS
from effvit_ros.telemetry.mavlink_link import MavlinkLink
from effvit_ros.telemetry.ros_links import MavrosLink, Px4Link
from effvit_ros.telemetry.status_text import Announcer, parse_severities, SEVERITIES

#: Seconds between two heartbeats, as MAVLink asks.
HEARTBEAT_PERIOD_S = 1.0
#: Seconds between two log lines about a link that is down.
LOG_PERIOD_S = 5.0


class AlertBridge(Node):
    """
    Sends a STATUSTEXT for each change of an alert, no faster than ``max_rate``.

    Subscribes to ``segmenter/alerts``. It only sends: nothing is received from the link.
    """

    def __init__(self):
        """
        Open the link and start.

        :raises UserError: a parameter is wrong, or what the link needs is not installed.
        """
        super().__init__('alert_bridge')
        self._link = None
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
        super().destroy_node()

    def _start(self, parameters):
        self._announcer = Announcer(parse_severities(parameters['severities']))
        # By the steady clock: a link is no faster because a bag is.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        if parameters['link'] == 'mavlink':
            self._link = MavlinkLink(*(parameters[name] for name in (
                'address', 'baud', 'system_id', 'component_id')))
            self.create_timer(HEARTBEAT_PERIOD_S, self._beat, clock=steady)
        else:
            self._link = {'mavros': MavrosLink, 'px4': Px4Link}[parameters['link']](self)
        self._timer = self.create_timer(
            1.0 / parameters['max_rate'], self._send_next, clock=steady)
        subscription = self.create_subscription(
            DiagnosticArray, 'segmenter/alerts', self._on_alerts, QoSProfile(
                depth=10, reliability=ReliabilityPolicy.RELIABLE,
                durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self.get_logger().info(f'{subscription.topic_name} to {self._link.description}')

    def _on_alerts(self, message):
        self._announcer.take(alerts_in(message))
        if self._timer.is_canceled():
            self._send_next()

    def _send_next(self):
        status = self._announcer.next()
        if status is None:
            # Until the next alert, which is then sent at once.
            self._timer.cancel()
            return
        self._timer.reset()
        if self._attempt(self._link.send, status):
            self._announcer.sent(status)
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
