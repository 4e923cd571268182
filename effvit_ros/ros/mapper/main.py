"""The command ``mapper_node``."""
from __future__ import annotations

import sys
from typing import List, Optional, TYPE_CHECKING

from effvit_ros.core.heap import give_large_blocks_back
from effvit_ros.core.libraries import need
from effvit_ros.core.missing import MAPPING, READING
from effvit_ros.ros.common.spin import spin_node

if TYPE_CHECKING:
    from effvit_ros.ros.mapper.node import MapperNode


def main(args: Optional[List[str]] = None) -> int:
    """Run the mapper until it is asked to end; returns the exit code."""
    return spin_node(_make_node, args, description=(
        'Lay label images on the ground by the poses of the aircraft: a growing map, alerts '
        'with a place.'))


def _make_node() -> MapperNode:
    need(*MAPPING, *READING)
    from effvit_ros.ros.mapper.node import MapperNode
    give_large_blocks_back()
    return MapperNode()


if __name__ == '__main__':
    sys.exit(main())
