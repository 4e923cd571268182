"""``python -m effvit_ros.bench``."""
from __future__ import annotations

import sys

from effvit_ros.bench.command import main

sys.exit(main())
