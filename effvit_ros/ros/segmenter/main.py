"""The command ``segmenter_node``; the node itself is in :mod:`effvit_ros.ros.segmenter.node`."""
from __future__ import annotations

import os
import sys
from typing import Optional, Sequence, TYPE_CHECKING

from effvit_ros.core.heap import share_heaps
from effvit_ros.core.picture_size import VARIABLE
from effvit_ros.ros.common.spin import spin_node

if TYPE_CHECKING:
    from effvit_ros.ros.segmenter.node import SegmenterNode

#: Largest compressed picture, pixels (8192x8192): some hundred bytes may tell of a gigapixel,
#: whose decoding would take the memory of the whole board. OpenCV reads it when it is imported.
MAX_PIXELS = 1 << 26


def main(args: Optional[Sequence[str]] = None) -> int:
    """Run the segmenter until it is asked to end; returns the exit code."""
    return spin_node(_make_node, args, by_events=True, description=(
        'Segment the newest frame of a camera topic and publish label images and overlays.'))


def _make_node() -> SegmenterNode:
    os.environ.setdefault(VARIABLE, str(MAX_PIXELS))
    share_heaps()
    # Imported here, once signals are in hand: it takes most of a second.
    from effvit_ros.ros.common.shared_memory import remove_left_behind
    from effvit_ros.ros.segmenter.node import SegmenterNode
    node = SegmenterNode()
    removed = remove_left_behind()
    if removed:
        node.get_logger().info(f'removed {removed} shared memory segments of killed processes')
    return node


if __name__ == '__main__':
    sys.exit(main())
