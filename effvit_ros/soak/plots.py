"""The course of a soak as a picture; matplotlib without a screen."""
from __future__ import annotations

import io
from typing import Sequence, Tuple, TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from effvit_ros.soak.figures import windows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from effvit_ros.soak.record import Record

_INK, _ACCENT, _PALE, _OTHER = '#333333', '#2b6cb0', '#edf2f7', '#c05621'
#: Bins of the p95 age over the whole run, none shorter than a few seconds.
_BINS, _BIN_S = 120, 5.0


def record_plot(record: Record) -> bytes:
    """
    Return resident memory, open files and threads, and p95 age over time, as PNG bytes.

    Pale stretches are the first and the last window, which the verdicts compare.
    """
    figure = Figure(figsize=(9.2, 7.0), dpi=110, layout='constrained')
    FigureCanvasAgg(figure)
    memory, counts, age = figure.subplots(3, 1, sharex=True)
    minutes = np.array([sample.at_s for sample in record.samples]) / 60
    segmenter = [sample.segmenter for sample in record.samples]
    memory.plot(minutes, [u.rss_mb for u in segmenter], color=_ACCENT, label='all')
    memory.plot(minutes, [u.rss_mb - u.shared_mb for u in segmenter], color=_OTHER,
                label='without shared memory')
    memory.set_ylabel("segmenter's RSS, MB")
    counts.plot(minutes, [u.fds for u in segmenter], color=_ACCENT, label='open files')
    counts.plot(minutes, [u.threads for u in segmenter], color=_OTHER, label='threads')
    counts.set_ylabel('count')
    centres, p95 = binned_p95(record.ages, record.seconds)
    age.plot(centres / 60, p95, color=_ACCENT, marker='.', label='p95 age of a label map')
    age.set_ylabel('milliseconds')
    age.set_xlabel('minutes from the first label map')
    for axes in (memory, counts, age):
        _dress(axes, record.seconds)
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png')
    return buffer.getvalue()


def binned_p95(ages: Sequence[Tuple[float, float]],
               seconds: float) -> Tuple[np.ndarray, np.ndarray]:
    """Return the bins' centres, seconds, and the p95 age in each, NaN where none came."""
    count = max(1, min(_BINS, int(seconds / _BIN_S)))
    edges = np.linspace(0, max(seconds, 1e-3), count + 1)
    arrivals, values = np.array(ages, float).reshape(-1, 2).T
    places = np.clip(np.searchsorted(edges, arrivals, side='right') - 1, 0, count - 1)
    p95 = np.array([np.percentile(values[places == i], 95) if (places == i).any() else np.nan
                    for i in range(count)])
    return (edges[:-1] + edges[1:]) / 2, p95


def _dress(axes: Axes, seconds: float) -> None:
    for start, end in windows(seconds):
        axes.axvspan(start / 60, end / 60, color=_PALE, zorder=0)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8, loc='lower right')
    axes.tick_params(labelsize=8, colors=_INK)
    for side in ('top', 'right'):
        axes.spines[side].set_visible(False)
