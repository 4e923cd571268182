"""The command ``alert_bridge``."""
from __future__ import annotations

from effvit_ros.ros.common.spin import spin_node


def main(args=None):
    """Send the segmenter's alerts to the autopilot as MAVLink STATUSTEXT."""
    return spin_node(_make_node, args, description=main.__doc__)


def _make_node():
    from effvit_ros.telemetry.bridge import AlertBridge
    return AlertBridge()


if __name__ == '__main__':
    raise SystemExit(main())
