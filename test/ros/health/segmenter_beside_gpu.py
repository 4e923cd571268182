"""The segmenter on a machine that has an NVIDIA GPU, as far as its device file tells."""
from __future__ import annotations

import sys

from effvit_ros.core import machine
from effvit_ros.ros.segmenter.main import main

if __name__ == '__main__':
    machine._GPU_DEVICES = ('/dev/null',)
    sys.exit(main())
