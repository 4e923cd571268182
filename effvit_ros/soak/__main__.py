"""``python -m effvit_ros.soak``."""
from __future__ import annotations

import sys

from effvit_ros.soak.command import main

sys.exit(main())
