"""One row of the check: a GPU runtime, from its build to its latency."""
from __future__ import annotations

import json
import sys
import time
from typing import Any, Callable, Dict, Optional, Sequence

import numpy as np

from effvit_ros.core.bundle import Bundle, load_bundle
from effvit_ros.core.engine_policy import EnginePolicy
from effvit_ros.core.errors import reports_user_errors
from effvit_ros.core.runtimes.tensorrt.cuda import first_gpu
from effvit_ros.core.runtimes.tensorrt.parity import measure_parity, parity_available
from effvit_ros.core.runtimes.tensorrt.sample_pictures import sample_pictures
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.harness.timing import times_of

#: Runs before the clock starts, and timed ones.
WARM_UP, RUNS = 20, 200
#: Height and width of the camera picture that goes through the core.
CAMERA = (720, 1280)


def measure(name: str, bundle: Bundle, pictures: Sequence[np.ndarray]) -> Dict[str, Any]:
    """
    Return what the runtime ``name`` does with ``bundle``, as JSON can hold it.

    ``engine_ms``: the execution alone, between two CUDA events. ``infer_ms``: with both copies,
    by the wall clock. ``core_ms``: a camera picture in, labels of its size out.

    :raises UserError: the runtime, the GPU or the engine is missing.
    """
    gpu = first_gpu()
    started = time.monotonic()
    with Segmenter(bundle, name, policy=EnginePolicy(progress=_tell)) as segmenter:
        opened = time.monotonic() - started
        runtime: Any = segmenter.runtime  # a TensorRT one: it has a context
        row = {'runtime': name, 'description': runtime.description, 'gpu': gpu._asdict(),
               'open_seconds': round(opened, 1),
               'engine_ms': _events(runtime), 'infer_ms': _wall(runtime.infer),
               'core_ms': _core(segmenter),
               'gpu_memory_in_use_mb': runtime.cuda.used_memory_mb()}
        if parity_available():
            row['parity'] = measure_parity(bundle, runtime, pictures)._asdict()
        return row


def _events(runtime: Any) -> Dict[str, Any]:
    """Time executions without copies, each between two events."""
    taken = []
    for _ in range(WARM_UP + RUNS):
        start = runtime.cuda.event()
        runtime.enqueue()
        end = runtime.cuda.event()
        runtime.cuda.synchronize()
        taken.append(start.time_till(end))
    return times_of(taken[WARM_UP:])._asdict()


def _wall(call: Callable[[], object]) -> Dict[str, Any]:
    taken = []
    for _ in range(WARM_UP + RUNS):
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1e3)
    return times_of(taken[WARM_UP:])._asdict()


def _core(segmenter: Segmenter) -> Dict[str, Any]:
    camera = np.random.default_rng(0).integers(0, 256, (*CAMERA, 3), np.uint8)
    return _wall(lambda: segmenter.segment(camera))


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """Measure one row and print it as JSON; returns the exit code."""
    name, folder, pictures = sys.argv[1:] if args is None else args
    bundle = load_bundle(folder)
    print(json.dumps(measure(name, bundle, sample_pictures(bundle, pictures))))
    return 0


if __name__ == '__main__':
    sys.exit(main())
