"""
Starts the segmenter again whenever its process ends, as launch and systemd do.

SIGINT and SIGTERM are for the child; the parent ends after it, with its exit code.
"""
from __future__ import annotations

import signal
import subprocess
import sys
import time

#: Seconds before it is started again.
_DELAY_S = 0.2


def main():
    """Respawn until a signal comes; returns the last child's exit code."""
    asked = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: (asked.append(number), child.terminate()))
    while True:
        child = subprocess.Popen(
            [sys.executable, '-m', 'quick_segmenter', *sys.argv[1:]])
        print(f'child {child.pid}', flush=True)
        code = child.wait()
        if asked:
            return code
        time.sleep(_DELAY_S)


if __name__ == '__main__':
    sys.exit(main())
