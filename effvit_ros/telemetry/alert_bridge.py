"""The command ``alert_bridge``."""
from __future__ import annotations

from typing import Optional, Sequence, TYPE_CHECKING

from effvit_ros.ros.common.spin import spin_node

if TYPE_CHECKING:
    from rclpy.node import Node


def main(args: Optional[Sequence[str]] = None) -> int:
    """Send the segmenter's alerts to the autopilot as MAVLink STATUSTEXT."""
    return spin_node(_make_node, args, description=main.__doc__)


def _make_node() -> Node:
    from effvit_ros.telemetry.bridge import AlertBridge
    return AlertBridge()


if __name__ == '__main__':
    raise SystemExit(main())
