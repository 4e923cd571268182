"""``python -m effvit_ros.gpu_check``."""
from __future__ import annotations

import sys

from effvit_ros.gpu_check.command import main

sys.exit(main())
