"""What the figures were measured on: the board or processor, and its GPUs."""
from __future__ import annotations

import platform
import subprocess
from pathlib import Path


def machine():
    """Return board (Jetson) or processor, system and Python, as texts."""
    return {'cpu': _board() or _processor(), 'system': platform.platform(),
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


def _board():
    try:
        return Path('/proc/device-tree/model').read_text(encoding='ascii').strip('\0\n')
    except (OSError, UnicodeDecodeError):
        return ''


def _processor():
    try:
        for line in Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines():
            if line.startswith('model name'):
                return line.split(':', 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or 'unknown processor'
