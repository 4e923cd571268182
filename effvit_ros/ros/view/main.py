"""The command ``view_node``."""
from __future__ import annotations

import sys

from effvit_ros.core.libraries import need
from effvit_ros.ros.common.spin import spin_node


def main(args=None):
    """Serve the page until asked to end; returns the exit code."""
    return spin_node(_make_node, args, description=(
        'Serve a page that shows what the segmenter sees; the address is printed.'))


def _make_node():
    need('aiohttp')
    from effvit_ros.ros.view.node import ViewNode
    return ViewNode()


if __name__ == '__main__':
    sys.exit(main())
