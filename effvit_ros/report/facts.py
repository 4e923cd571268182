"""What every report says of the machine, the versions and the day."""
from __future__ import annotations

import os
import platform
import sys
from datetime import datetime, timezone
from importlib import metadata
from typing import Dict, Sequence

from effvit_ros.core.machine import board_name, cpu_model

#: Distributions that can change a result or its speed.
PACKAGES = ('effvit_ros', 'numpy', 'opencv-python-headless', 'onnxruntime', 'openvino',
            'tensorrt', 'ros-rclpy', 'ros-rmw-fastrtps-cpp')


def machine() -> Dict[str, object]:
    """Return board (Jetson) or processor, hardware threads, system and Python."""
    return {'cpu': board_name() or cpu_model() or platform.processor() or 'unknown processor',
            'threads': len(os.sched_getaffinity(0))
            if hasattr(os, 'sched_getaffinity') else os.cpu_count(),
            'system': f'{platform.system()} {platform.release()} {platform.machine()}',
            'platform': sys.platform,
            'python': platform.python_version()}


def versions(packages: Sequence[str] = PACKAGES) -> Dict[str, str]:
    """Return the version of Python and of each package that is installed, by name."""
    found = {'python': platform.python_version()}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def now() -> str:
    """Return date and time in UTC, ISO 8601, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec='seconds')
