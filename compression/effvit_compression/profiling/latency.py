"""Latency of bundles side by side: in turns, so that a busy machine is busy for all of them."""
from __future__ import annotations

import contextlib
import time
from typing import Callable, Dict, Hashable, List, Mapping, Sequence, Tuple, TypeVar

import numpy as np

from effvit_ros.core.bundle import Bundle
from effvit_ros.core.runtime import RuntimeUnavailable
from effvit_ros.core.runtimes import open_runtime, RUNTIMES

#: Seconds of rest before each inference. ONNX Runtime's threads go on spinning for some 50 ms
#: after theirs, which takes a core from whoever comes next: without a rest, OpenVINO took 1.6 to
#: 1.9 times as long as alone on two cores.
REST_S = 0.1
#: What bundles are told apart by.
K = TypeVar('K', bound=Hashable)


def present_runtimes(bundle: Bundle) -> List[str]:
    """Name the runtimes that can open a bundle here."""
    present = []
    for name in RUNTIMES:
        with contextlib.suppress(RuntimeUnavailable):
            open_runtime(bundle, name)[0].close()
            present.append(name)
    return present


def side_by_side(bundles: Mapping[K, Bundle], runtimes: Sequence[str], rounds: int = 20,
                 threads: int = 0, percent: float = 50,
                 clock: Callable[[], float] = time.perf_counter) -> Dict[Tuple[K, str], float]:
    """
    Median time of one inference in milliseconds, by (bundle's key, runtime).

    :param rounds: inferences of each pair; the pairs take turns.
    :param percent: another percentile; a low one leaves out what other processes take.
    :param clock: what is read before and after, seconds.
    """
    pairs = [(key, name) for key in bundles for name in runtimes]
    times: Dict[Tuple[K, str], List[float]] = {pair: [] for pair in pairs}
    with contextlib.ExitStack() as stack:
        opened = {}
        for key, name in pairs:
            opened[key, name] = open_runtime(bundles[key], name, threads)[0]
            stack.callback(opened[key, name].close)
        noise = np.random.default_rng(0)
        for runtime in opened.values():
            runtime.input[...] = noise.integers(0, 256, runtime.input.shape, np.uint8)
            runtime.infer()
        for _ in range(rounds):
            for pair in pairs:
                time.sleep(REST_S)
                start = clock()
                opened[pair].infer()
                times[pair].append((clock() - start) * 1e3)
    return {pair: float(np.percentile(values, percent)) for pair, values in times.items()}
