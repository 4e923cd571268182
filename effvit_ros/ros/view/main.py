"""The command ``view_node``."""
from __future__ import annotations

import sys
from typing import List, Optional, TYPE_CHECKING

from effvit_ros.core.libraries import need
from effvit_ros.ros.common.spin import spin_node

if TYPE_CHECKING:
    from effvit_ros.ros.view.node import ViewNode


def main(args: Optional[List[str]] = None) -> int:
    """Serve the page until asked to end; returns the exit code."""
    return spin_node(_make_node, args, description=(
        'Serve a page that shows what the segmenter sees; the address is printed.'))


def _make_node() -> ViewNode:
    need('aiohttp')
    from effvit_ros.ros.view.node import ViewNode
    return ViewNode()


if __name__ == '__main__':
    sys.exit(main())
