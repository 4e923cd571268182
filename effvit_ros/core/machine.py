"""What Linux tells of the machine: its names, its memory, its GPU."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

#: What the drivers of NVIDIA cards, Jetson boards and WSL 2 make.
_GPU_DEVICES = ('/dev/nvidia0', '/dev/nvmap', '/dev/nvhost-gpu', '/dev/dxg')


def cpu_model() -> str:
    """Return the processor's name as Linux tells it, '' where it does not."""
    try:
        for line in Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines():
            if line.startswith(('model name', 'Model')):
                return line.split(':', 1)[1].strip()
    except OSError:
        pass
    return ''


def board_name() -> str:
    """Return the name that Jetson and other boards bear in the device tree, '' elsewhere."""
    try:
        return Path('/proc/device-tree/model').read_text(encoding='utf-8').strip('\0\n')
    except (OSError, UnicodeDecodeError):
        return ''


def free_memory_mb() -> Optional[int]:
    """Return the memory that a new process can have, in MB; None where Linux doesn't tell."""
    try:
        with open('/proc/meminfo') as file:
            for line in file:
                if line.startswith('MemAvailable:'):
                    return int(line.split()[1]) // 1024
    except OSError:
        pass
    return None


def has_nvidia_gpu() -> bool:
    """Return whether an NVIDIA driver made a device here; loads nothing."""
    return any(os.path.exists(path) for path in _GPU_DEVICES)
