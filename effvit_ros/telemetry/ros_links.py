"""STATUSTEXT by way of ROS: MAVROS, or PX4's own bridge."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.telemetry.status_text import StatusText

if TYPE_CHECKING:
    from rclpy.node import Node


class MavrosLink:
    """Publishes what MAVROS sends on as STATUSTEXT."""

    def __init__(self, node: Node) -> None:
        """
        Create the publisher.

        :raises UserError: mavros_msgs is not installed.
        """
        try:
            from mavros_msgs.msg import StatusText as MavrosText
        except ImportError:
            raise UserError('mavros_msgs is not installed: apt install '
                            'ros-$ROS_DISTRO-mavros-msgs, or set link to mavlink') from None
        self._type = MavrosText
        self._node = node
        self._publisher = node.create_publisher(MavrosText, 'mavros/statustext/send', 10)
        self.description = f'MAVROS by {self._publisher.topic_name}'

    def send(self, status: StatusText) -> None:
        """Send a :class:`~effvit_ros.telemetry.status_text.StatusText`."""
        message = self._type(severity=status.severity, text=status.text)
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def close(self) -> None:
        """Do nothing: the publisher ends with its node."""


class Px4Link:
    """Publishes ``mavlink_log``, which PX4 sends as STATUSTEXT on all of its links."""

    def __init__(self, node: Node) -> None:
        """
        Create the publisher.

        :raises UserError: px4_msgs is not installed.
        """
        try:
            from px4_msgs.msg import MavlinkLog
        except ImportError:
            raise UserError('px4_msgs is not installed: build the branch of your PX4 release '
                            'in the workspace, or set link to mavlink') from None
        self._type = MavlinkLog
        self._node = node
        self._publisher = node.create_publisher(MavlinkLog, 'fmu/in/mavlink_log', 10)
        self.description = f'PX4 by {self._publisher.topic_name}'

    def send(self, status: StatusText) -> None:
        """Send a :class:`~effvit_ros.telemetry.status_text.StatusText`."""
        message = self._type(severity=status.severity)
        message.timestamp = self._node.get_clock().now().nanoseconds // 1000
        text = np.frombuffer(status.text.encode('ascii'), np.uint8)
        message.text[:text.size] = text
        self._publisher.publish(message)

    def close(self) -> None:
        """Do nothing: the publisher ends with its node."""
