"""The viewer: passes on what the segmenter and the mapper publish, while a browser looks."""
from __future__ import annotations

import json
from typing import Dict, List, Optional, Tuple

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Float32MultiArray, String

from effvit_ros.core import topics
from effvit_ros.core.alerts import Alert
from effvit_ros.ros.common.parameters import Parameters
from effvit_ros.ros.segmenter.alert_topic import alerts_in
from effvit_ros.ros.view.parameters import VIEW_PARAMETERS
from effvit_ros.ros.view.server import PageServer
from effvit_ros.ros.view.stream_page import open_page, StreamPage

#: Seconds between two looks for browsers.
LOOK_PERIOD_S = 0.25


class ViewNode(Node):
    """Subscribes while a browser looks, so that nothing is computed for nobody."""

    def __init__(self) -> None:
        """
        Listen.

        :raises UserError: a parameter is wrong, or the port is taken.
        """
        super().__init__('view')
        self._server: Optional[PageServer] = None
        try:
            self._settings = Parameters(self, VIEW_PARAMETERS, state=lambda: 'running')
            self._server = open_page(*(self._settings[name]
                                       for name in ('address', 'port', 'token')))
        except Exception:
            self.destroy_node()
            raise
        self._page = StreamPage(self._server)
        self._subscriptions_made: List[Subscription] = []
        self._alerts: Dict[str, Tuple[Alert, ...]] = {'segmenter': (), 'mapper': ()}
        self.create_timer(LOOK_PERIOD_S, self._look,
                          clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info(f'watch at {self._server.url}')

    def destroy_node(self) -> None:
        """Close the page."""
        if self._server is not None:
            self._server.close()
            self._server = None
        super().destroy_node()

    def _look(self) -> None:
        watched = self._server is not None and self._server.watched
        if watched and not self._subscriptions_made:
            self._subscribe()
        elif not watched and self._subscriptions_made:
            for subscription in self._subscriptions_made:
                self.destroy_subscription(subscription)
            self._subscriptions_made = []

    def _subscribe(self) -> None:
        newest = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
        latched = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE,
                             durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._subscriptions_made = [self.create_subscription(*row) for row in (
            (CompressedImage, topics.of_segmenter(topics.OVERLAY_JPEG), self._on_picture, newest),
            (Float32MultiArray, topics.of_segmenter(topics.CLASS_AREAS), self._on_areas, newest),
            (String, topics.of_segmenter(topics.LABEL_INFO), self._on_legend, latched),
            (DiagnosticArray, topics.DIAGNOSTICS, self._on_health, 10),
            (DiagnosticArray, topics.of_segmenter(topics.ALERTS),
             lambda m: self._on_alerts('segmenter', m), latched),
            (DiagnosticArray, topics.of_mapper(topics.ALERTS),
             lambda m: self._on_alerts('mapper', m), latched),
            (String, topics.of_mapper(topics.GEOJSON), self._on_map, latched))]

    def _on_picture(self, message: CompressedImage) -> None:
        if self._page.wants_picture(self._settings['max_rate']):
            self._page.picture(bytes(message.data))

    def _on_areas(self, message: Float32MultiArray) -> None:
        if len(message.layout.dim) == 2:
            self._page.areas(message.layout.dim[1].label.split(','), message.data)

    def _on_legend(self, message: String) -> None:
        import yaml
        try:
            self._page.legend({e['name']: e['rgb']
                               for e in yaml.safe_load(message.data).values()})
        except (yaml.YAMLError, TypeError, KeyError, AttributeError):
            pass  # no legend of ours

    def _on_health(self, message: DiagnosticArray) -> None:
        space = self.get_namespace().strip('/')
        for status in message.status:
            node = status.name.split(':')[0]
            if node in ('/'.join(filter(None, (space, name))) for name in (
                    'segmenter', 'mapper')):
                self._page.health(status.name, status.level[0], status.message,
                                  [(v.key, v.value) for v in status.values])

    def _on_alerts(self, source: str, message: DiagnosticArray) -> None:
        self._alerts[source] = alerts_in(message)
        self._page.alerts(self._alerts['mapper'] + self._alerts['segmenter'])

    def _on_map(self, message: String) -> None:
        try:
            self._page.map(json.loads(message.data))
        except ValueError:
            pass  # no map of ours
