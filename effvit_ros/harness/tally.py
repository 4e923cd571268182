"""Counts and times of a stream, from the stamps of its frames alone."""
from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Set

from effvit_ros.core.percentiles import percentiles

_NS = 1e-9


class StreamFigures(NamedTuple):
    """
    What a window of a stream came to.

    ``fps``: label maps a second. ``latency_*_ms``: a label map's arrival minus its picture's
    stamp, None without any. ``frames_dropped``: published frames that gave no label map.
    """

    fps: float
    latency_p50_ms: Optional[float]
    latency_p95_ms: Optional[float]
    frames_published: int
    frames_segmented: int
    frames_dropped: int


class Tally:
    """
    Notes which frames were published and when their label maps arrived.

    Times are integer nanoseconds of one clock.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._published: Set[int] = set()
        self._arrivals: Dict[int, int] = {}

    @property
    def frames_published(self) -> int:
        """Return how many frames are known so far."""
        return len(self._published)

    @property
    def frames_segmented(self) -> int:
        """Return how many label maps came so far."""
        return len(self._arrivals)

    def publish(self, stamp_ns: int) -> None:
        """Note a frame of the camera."""
        self._published.add(stamp_ns)

    def segment(self, stamp_ns: int, arrival_ns: int) -> None:
        """Note a label map; its frame was published, even if nothing else told of it."""
        self._published.add(stamp_ns)
        self._arrivals[stamp_ns] = arrival_ns

    def figures(self, start_ns: int, end_ns: int) -> StreamFigures:
        """
        Return the :class:`StreamFigures` of the frames stamped from start to before end.

        A label map counts with its frame, however late it came, so that nothing is cut off.
        """
        published = sum(start_ns <= stamp < end_ns for stamp in self._published)
        ages = [(arrival - stamp) * _NS * 1e3 for stamp, arrival in self._arrivals.items()
                if start_ns <= stamp < end_ns]
        seconds = (end_ns - start_ns) * _NS
        p50, p95 = percentiles(ages)
        return StreamFigures(
            len(ages) / seconds if seconds > 0 else 0.0, p50, p95, published, len(ages),
            published - len(ages))
