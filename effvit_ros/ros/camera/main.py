"""The command ``camera_node``."""
from __future__ import annotations

from typing import List, Optional, TYPE_CHECKING

from effvit_ros.ros.common.spin import spin_node

if TYPE_CHECKING:
    from effvit_ros.ros.camera.node import CameraNode


def main(args: Optional[List[str]] = None) -> int:
    """Publish pictures of a folder, a video, a device or the simulated flight."""
    return spin_node(_make_node, args, description=main.__doc__)


def _make_node() -> CameraNode:
    from effvit_ros.ros.camera.node import CameraNode
    return CameraNode()


if __name__ == '__main__':
    raise SystemExit(main())
