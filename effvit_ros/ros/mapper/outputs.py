"""What the mapper publishes: alerts with a place, GeoJSON, occupancy grids."""
from __future__ import annotations

import json
from typing import Dict, Iterable, List

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Header, String

from effvit_ros.core import topics
from effvit_ros.core.alerts import Alert
from effvit_ros.ros.mapper.live_map import Shown
from effvit_ros.ros.segmenter.alert_topic import alerts_message

try:
    from nav_msgs.msg import OccupancyGrid
except ImportError:
    OccupancyGrid = None

#: Groups of the occupancy grids: classes one can land on, and water.
LANDABLE, WATER = ('background', 'road/railway/bridge'), ('flood/water/river/sea',)


class MapOutputs:
    """The publishers, latched; grids and GeoJSON are made only while somebody subscribes."""

    def __init__(self, node: Node) -> None:
        """Create the publishers on ``node``."""
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._node = node
        self._publishers: List[Publisher] = []

        def publisher(kind: type, name: str) -> Publisher:
            made: Publisher = node.create_publisher(kind, '~/' + name, latched)
            self._publishers.append(made)
            return made
        self._alerts = publisher(DiagnosticArray, topics.ALERTS)
        self._geojson = publisher(String, topics.GEOJSON)
        self._grids: Dict[str, Publisher] = {}
        if OccupancyGrid is None:
            node.get_logger().warning('nav_msgs is not installed: no occupancy grids')
        else:
            self._grids = {name: publisher(OccupancyGrid, name) for name in ('landing', 'water')}

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)

    def publish_alerts(self, alerts: Iterable[Alert], header: Header) -> None:
        """Publish all alerts that are known."""
        self._alerts.publish(alerts_message(alerts, header))

    def publish_map(self, shown: Shown, stamp: Time) -> None:
        """Publish what is asked for."""
        if self._geojson.get_subscription_count():
            self._geojson.publish(String(data=json.dumps(
                {'type': 'FeatureCollection', 'features': shown.features()},
                separators=(',', ':'))))
        for name, publisher in self._grids.items():
            if publisher.get_subscription_count():
                publisher.publish(grid_message(name, shown, stamp))

    def wanted(self) -> bool:
        """Say whether somebody subscribes to the map."""
        return any(publisher.get_subscription_count()
                   for publisher in [self._geojson, *self._grids.values()])


def grid_message(name: str, shown: Shown, stamp: Time) -> OccupancyGrid:
    """
    Return the OccupancyGrid ``landing`` or ``water``.

    0 free, 100 not, -1 not seen; of ``water`` 100 is water.
    """
    group = LANDABLE if name == 'landing' else WATER
    told = np.full(256, -1, np.int8)
    told[:len(shown.names)] = [
        0 if (class_name in group) == (name == 'landing') else 100 for class_name in shown.names]
    grid = told[shown.labels]
    message = OccupancyGrid(header=Header(stamp=stamp, frame_id='map'))
    message.info.resolution = shown.cell_m
    message.info.height, message.info.width = grid.shape
    message.info.origin.position.y = shown.south * shown.cell_m
    message.info.origin.position.x = shown.west * shown.cell_m
    message.info.origin.orientation.w = 1.0
    message.data.frombytes(grid)
    return message
