"""Times of repeated calls and their medians."""
from __future__ import annotations

import time
from typing import Callable, List, NamedTuple, Sequence

from effvit_ros.core.percentiles import percentiles


class Times(NamedTuple):
    """Median and 95th percentile in milliseconds, and of how many."""

    p50_ms: float
    p95_ms: float
    count: int  # type: ignore[assignment]  # hides tuple's method


def times_of(milliseconds: Sequence[float]) -> Times:
    """Return the :class:`Times` of a list of at least one value."""
    p50, p95 = percentiles(milliseconds)
    return Times(p50, p95, len(milliseconds))


def repeat(call: Callable[[], object], seconds: float) -> List[float]:
    """Call again and again for ``seconds`` and return the milliseconds that each call took."""
    taken: List[float] = []
    begin = time.perf_counter()
    while not taken or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1e3)
    return taken
