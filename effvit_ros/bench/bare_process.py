"""
A process that does nothing but run the bundle's graph at a steady rate: what a node is held to.

``python -m effvit_ros.bench.bare_process MODEL RUNTIME THREADS RATE_HZ SECONDS PICTURES`` prints
its cost as JSON. The pictures are read and resized to the network's input before the start.
"""
from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Sequence, TYPE_CHECKING

import cv2
import numpy as np

from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.labelled_pictures import read_picture
from effvit_ros.core.process_usage import process_usage
from effvit_ros.core.runtimes import open_runtime

if TYPE_CHECKING:
    from effvit_ros.core.runtime import Runtime

#: Seconds before counting: the first frames allocate.
SETTLE_S = 2.0


def main() -> None:
    """Run the graph and print frames, CPU seconds and resident memory."""
    model, runtime_name, threads, rate_hz, seconds, pictures = sys.argv[1:]
    bundle = load_bundle(model)
    runtime, _ = open_runtime(bundle, runtime_name, int(threads))
    inputs = [cv2.resize(read_picture(path).pixels, (bundle.width, bundle.height))
              for path in sorted(Path(pictures).iterdir())]
    _run(runtime, inputs, float(rate_hz), SETTLE_S)
    used = time.process_time()
    frames = _run(runtime, inputs, float(rate_hz), float(seconds))
    print(json.dumps({'frames': frames, 'cpu_s': time.process_time() - used,
                      'rss_mb': process_usage(os.getpid()).rss_mb}))


def _run(runtime: Runtime, inputs: Sequence[np.ndarray], rate_hz: float, seconds: float) -> int:
    """Run at ``rate_hz`` for ``seconds``; returns the number of frames."""
    due, end, frames = time.monotonic(), time.monotonic() + seconds, 0
    while due < end:
        time.sleep(max(0.0, due - time.monotonic()))
        runtime.input[...] = inputs[frames % len(inputs)]
        runtime.infer()
        frames += 1
        due = max(due + 1 / rate_hz, time.monotonic())
    time.sleep(max(0.0, end - time.monotonic()))
    return frames


if __name__ == '__main__':
    main()
