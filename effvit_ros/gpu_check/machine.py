"""What the figures were measured on: the board or processor, and its GPUs."""
from __future__ import annotations

import platform
import subprocess

from effvit_ros.core.machine import board_name, cpu_model


def machine():
    """Return board (Jetson) or processor, system and Python, as texts."""
    return {'cpu': board_name() or cpu_model() or platform.processor() or 'unknown processor',
            'system': platform.platform(),
            'python': platform.python_version()}


def gpus():
    """Return one line for each GPU as nvidia-smi tells it; older Jetsons have none."""
    try:
        result = subprocess.run(
            ['nvidia-smi', '--query-gpu=name,memory.total,driver_version,compute_cap',
             '--format=csv,noheader'],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in result.stdout.splitlines() if line.strip()]
