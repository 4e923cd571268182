"""Pictures in, labels out: bundles in turns on the same pictures."""
from __future__ import annotations

import contextlib
import time
from typing import Dict, List, Mapping, NamedTuple, Sequence, Tuple

import numpy as np

from effvit_compression.export.price import RUNTIME
from effvit_compression.profiling.latency import REST_S
from effvit_ros.core.bundle import Bundle
from effvit_ros.core.percentiles import percentiles
from effvit_ros.core.segmenter import Segmenter


class Timed(NamedTuple):
    """Median milliseconds from picture to labels and those of the inference alone."""

    total_ms: float
    infer_ms: float


def time_bundles(bundles: Mapping[str, Bundle], precisions: Sequence[str],
                 pictures: Sequence[np.ndarray], rounds: int, threads: int,
                 ) -> Dict[Tuple[str, str], Timed]:
    """
    Time bundles by (name, precision); a bundle without a precision's graph lacks that entry.

    All take turns, with a rest before each, so that whatever else the machine does meets all.

    :param pictures: (H, W, 3) uint8 BGR.
    :raises UserError: OpenVINO is not installed, or can't run a bundle.
    """
    taken: Dict[Tuple[str, str], List[Tuple[float, float]]] = {}
    with contextlib.ExitStack() as stack:
        opened = {}
        for name, bundle in bundles.items():
            for precision in precisions:
                if any((g.precision, g.io) == (precision, 'uint8') for g in bundle.graphs):
                    opened[name, precision] = stack.enter_context(Segmenter(
                        bundle.preferring(RUNTIME, precision), RUNTIME, threads))
        for key, segmenter in opened.items():
            taken[key] = []
            segmenter.segment(pictures[0])
        for number in range(rounds):
            for key, segmenter in opened.items():
                time.sleep(REST_S)
                found = segmenter.segment(pictures[number % len(pictures)]).timings
                taken[key].append((found.total_ms, found.infer_ms))
    return {key: Timed(*(percentiles(column, (50,))[0] for column in zip(*values)))
            for key, values in taken.items()}
