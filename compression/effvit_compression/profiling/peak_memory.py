"""
Peak memory of a process that does nothing but run one graph.

``python -m effvit_compression.profiling.peak_memory BUNDLE RUNTIME PRECISION`` prints it.
"""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from effvit_ros.core.bundle import Bundle, load_bundle
from effvit_ros.core.runtimes import open_runtime

#: Inferences before the look: runtimes allocate in the first ones.
INFERENCES = 5


def peak_memory(bundle: Bundle, runtime: str) -> float:
    """Megabytes (2^20 bytes) that were resident at most: Python, runtime, graph and its maps."""
    precision = bundle.prefer.get(runtime, 'fp32')
    done = subprocess.run([sys.executable, '-m', __name__, str(bundle.path), runtime, precision],
                          check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)


def main(folder: str, name: str, precision: str) -> None:
    """Run the graph and print the most that this process ever held."""
    runtime, _ = open_runtime(load_bundle(folder).preferring(name, precision), name)
    for _ in range(INFERENCES):
        runtime.infer()
    # Not getrusage: its maximum begins with that of the process that started this one.
    status = Path('/proc/self/status').read_text(encoding='ascii')
    peak = next(line for line in status.splitlines() if line.startswith('VmHWM:'))
    print(int(peak.split()[1]) / 1024)
    runtime.close()


if __name__ == '__main__':
    main(*sys.argv[1:])
