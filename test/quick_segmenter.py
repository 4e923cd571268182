"""The segmenter, which reports its health five times as often: tests wait for that a lot."""
from __future__ import annotations

import sys

from effvit_ros.ros.segmenter import node
from effvit_ros.ros.segmenter.main import main

node.DIAGNOSTICS_PERIOD_S = 0.2

if __name__ == '__main__':
    sys.exit(main())
