"""What a report says of the machine that it was made on."""
from __future__ import annotations

from pathlib import Path


def cpu_model():
    """Return the processor's name as Linux tells it, '' where it does not."""
    try:
        for line in Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines():
            if line.startswith(('model name', 'Model')):
                return line.split(':', 1)[1].strip()
    except OSError:
        pass
    return ''


def board_name():
    """Return the name that Jetson and other boards bear in the device tree, '' elsewhere."""
    try:
        return Path('/proc/device-tree/model').read_text(encoding='utf-8').strip('\0\n')
    except (OSError, UnicodeDecodeError):
        return ''
