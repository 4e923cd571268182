"""A record's figures and their verdicts."""
from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple, TYPE_CHECKING

import numpy as np

from effvit_ros.core.percentiles import percentiles

if TYPE_CHECKING:
    from effvit_ros.soak.record import Record

#: Warm-up: the first two minutes, in a short run the first fifth. Buffers, the allocator's
#: arenas and the shared memory of the pictures reach their size meanwhile.
WARM_UP_S = 120.0
WARM_UP_SHARE = 0.2
#: The first and the last minute after the warm-up are compared.
WINDOW_S = 60.0

#: What the project promises.
RSS_LIMIT_MB = 5.0
AGE_LIMIT = 1.2
#: Share of the camera's rate below which the run was no test of that rate.
RATE_LIMIT = 0.9


class Windows(NamedTuple):
    """The two stretches that are compared, (start, end) in seconds."""

    first: Tuple[float, float]
    last: Tuple[float, float]


class LimitCheck(NamedTuple):
    """One limit: what was measured, what is allowed, whether it is met."""

    what: str
    value: str
    limit: str
    met: bool


def windows(seconds: float) -> Windows:
    """Return the :class:`Windows` of a run that took ``seconds``."""
    warm_up = min(WARM_UP_S, WARM_UP_SHARE * seconds)
    length = min(WINDOW_S, (seconds - warm_up) / 2)
    return Windows((warm_up, warm_up + length), (seconds - length, seconds))


def figures(record: Record, rate_hz: float) -> Dict[str, Any]:
    """
    Return the figures of a :class:`~effvit_ros.soak.record.Record` as a dictionary for JSON.

    Growth of memory is the median of the last window minus that of the first, so that one
    sample on a peak decides nothing; of files and threads, the highest count minus the highest.
    What there are no samples for is None.

    :param rate_hz: the camera's rate that was asked for.
    """
    first, last = windows(record.seconds)

    def growth(process: str, name: str,
               summary: Callable[[List[float]], float]) -> Optional[float]:
        values = [[getattr(getattr(sample, process), name) for sample in record.samples
                   if start <= sample.at_s <= end] for start, end in (first, last)]
        if not all(values):
            return None
        grown = summary(values[1]) - summary(values[0])
        return int(grown) if summary is max else round(float(grown), 2)

    def p95_age(window: Tuple[float, float]) -> Optional[float]:
        ages = [age for at, age in record.ages if window[0] <= at <= window[1]]
        p95, = percentiles(ages, (95,))
        return p95 and round(p95, 2)

    arrivals = np.array([0.0] + [at for at, _ in record.ages] + [record.seconds])
    used = [sample.segmenter.cpu_s for sample in record.samples]
    seconds = max(record.seconds, 1e-9)
    return {
        'rss_growth_mb': growth('segmenter', 'rss_mb', np.median),
        'fd_growth': growth('segmenter', 'fds', max),
        'p95_age_first_ms': p95_age(first),
        'p95_age_last_ms': p95_age(last),
        'errors': sum(record.errors.values()),
        'frames_segmented': len(record.ages),
        'thread_growth': growth('segmenter', 'threads', max),
        'shared_growth_mb': growth('segmenter', 'shared_mb', np.median),
        'camera_rss_growth_mb': growth('camera', 'rss_mb', np.median),
        'camera_fd_growth': growth('camera', 'fds', max),
        'rss_last_mb': round(record.samples[-1].segmenter.rss_mb, 2) if record.samples else None,
        'segmenter_cpu': round((used[-1] - used[0]) / seconds, 3) if used else None,
        'frames_published': record.frames_published,
        'camera_hz': round(record.frames_published / seconds, 2),
        'camera_hz_wanted': rate_hz,
        'labels_hz': round(len(record.ages) / seconds, 2),
        'longest_gap_s': round(float(np.diff(arrivals).max()), 3),
        **_energy(record),
        'warnings': record.warnings,
        'errors_by_kind': dict(record.errors),
        'last_error': record.last_error,
        'duration_s': round(record.seconds, 1),
        'warm_up_s': round(first[0], 1),
        'window_s': round(first[1] - first[0], 1),
    }


def _energy(record: Record) -> Dict[str, Any]:
    """Return what the machine drew; nothing where nothing tells."""
    if record.joules is None or not record.ages or not record.seconds:
        return {}
    return {'power_w': round(record.joules / record.seconds, 2),
            'joules_per_frame': round(record.joules / len(record.ages), 3),
            'power_source': record.power_source}


def verdicts(report: Mapping[str, Any]) -> Tuple[LimitCheck, ...]:
    """Return a :class:`LimitCheck` for each limit; what was not measured is missed."""
    rss, fds = report['rss_growth_mb'], report['fd_growth']
    first, last = report['p95_age_first_ms'], report['p95_age_last_ms']
    wanted = report['camera_hz_wanted']
    return (
        LimitCheck('memory growth of the segmenter', _text(rss, '.2f', ' MB'),
                f'under {RSS_LIMIT_MB:g} MB', rss is not None and rss < RSS_LIMIT_MB),
        LimitCheck('growth of its open files', _text(fds, 'd'), '0', fds is not None and fds <= 0),
        LimitCheck('p95 age of a label map, last window', _text(last, '.1f', ' ms'),
                f'at most {AGE_LIMIT - 1:.0%} above the first '
                f"({_text(first, '.1f', ' ms')})",
                None not in (first, last) and last <= AGE_LIMIT * first),
        LimitCheck('errors', str(report['errors']), '0', report['errors'] == 0),
        LimitCheck("the camera's rate", f"{report['camera_hz']:.1f} Hz",
                f'at least {RATE_LIMIT * wanted:g} Hz',
                report['camera_hz'] >= RATE_LIMIT * wanted),
    )


def _text(value: Optional[float], form: str, unit: str = '') -> str:
    return '-' if value is None else format(value, form) + unit
