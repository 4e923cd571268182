"""The command ``camera_node``."""
from __future__ import annotations

from effvit_ros.ros.common.spin import spin_node


def main(args=None):
    """Publish pictures of a folder, a video, a device or the simulated flight."""
    return spin_node(_make_node, args, description=main.__doc__)


def _make_node():
    from effvit_ros.ros.camera.node import CameraNode
    return CameraNode()


if __name__ == '__main__':
    raise SystemExit(main())
