"""The parts without ROS: the bare runtimes, then the core's steps by resolution."""
from __future__ import annotations

from typing import Dict, Iterable, List, NamedTuple, Tuple, TYPE_CHECKING

import cv2
import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.core.overlay import Overlay
from effvit_ros.core.runtimes import open_runtime, RUNTIMES
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.harness.timing import repeat, Times, times_of

if TYPE_CHECKING:
    from effvit_ros.core.bundle import Bundle

#: Calls before the clock runs: the first ones allocate.
_WARM_UP = 3
#: Turns that the runtimes take.
_TURNS = 3


class BareRuntime(NamedTuple):
    """A runtime that runs the graph on a filled buffer, again and again, and nothing else."""

    name: str
    description: str
    times: Times


class CoreSteps(NamedTuple):
    """The core's steps for pictures of one size."""

    width: int
    height: int
    prepare: Times
    infer: Times
    restore: Times
    overlay: Times
    total: Times


def bench_runtimes(bundle: Bundle, threads: int, seconds: float) -> List[BareRuntime]:
    """
    Return a :class:`BareRuntime` for each runtime that can run the bundle here.

    Their turns alternate, so that whatever else the machine does meets all of them.
    """
    runtimes = []
    for name in RUNTIMES:
        try:
            runtimes.append(open_runtime(bundle, name, threads)[0])
        except UserError:  # not installed, or the bundle has no graph for it
            continue
    taken: Dict[str, List[float]] = {runtime.name: [] for runtime in runtimes}
    for runtime in runtimes:
        runtime.input[...] = picture(bundle.width, bundle.height)
    for _ in range(_TURNS):
        for runtime in runtimes:
            for _ in range(_WARM_UP):
                runtime.infer()
            taken[runtime.name] += repeat(runtime.infer, seconds / _TURNS)
    results = [BareRuntime(r.name, r.description, times_of(taken[r.name])) for r in runtimes]
    for runtime in runtimes:
        runtime.close()
    return results


def bench_core(bundle: Bundle, runtime: str, threads: int, sizes: Iterable[Tuple[int, int]],
               seconds: float) -> List[CoreSteps]:
    """Return :class:`CoreSteps` for each (width, height)."""
    results = []
    overlay = Overlay(bundle.names, bundle.palette)
    with Segmenter(bundle, runtime, threads) as segmenter:
        for width, height in sizes:
            image = picture(width, height)
            steps, drawing = [], []

            def one_picture() -> None:
                result = segmenter.segment(image)
                steps.append(result.timings)
                drawing.extend(repeat(lambda: overlay.draw(image, result.labels), 0.0))

            for _ in range(_WARM_UP):
                one_picture()
            del steps[:], drawing[:]
            repeat(one_picture, seconds)
            results.append(CoreSteps(
                width, height, times_of([s.prepare_ms for s in steps]),
                times_of([s.infer_ms for s in steps]), times_of([s.restore_ms for s in steps]),
                times_of(drawing), times_of([s.total_ms for s in steps])))
    return results


def picture(width: int, height: int) -> np.ndarray:
    """Return a smooth random picture, (height, width, 3) uint8."""
    coarse = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
