"""``python -m effvit_ros.demo``."""
from __future__ import annotations

import sys

from effvit_ros.demo import main

sys.exit(main())
