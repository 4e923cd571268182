"""The plots of a report, as PNG bytes; matplotlib without a screen."""
from __future__ import annotations

import io
from typing import Optional, Sequence, Tuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

_INK = '#333333'
_ACCENT = '#2b6cb0'
_DPI = 110
#: Points on a time axis: more would not be seen.
_MAX_POINTS = 1200


def confusion_plot(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> bytes:
    """
    Return a heat map of where each class's true pixels went, rows adding up to 100 %.

    :param confusion: (n, n + 1) counts. Rows are the classes that the truth holds, columns those
        and the ones that are predicted for them.
    """
    matrix = np.asarray(confusion)[:, :len(names)].astype(float)
    true = np.flatnonzero(matrix.sum(axis=1))
    seen = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
    shares = matrix[np.ix_(true, seen)]
    shares /= shares.sum(axis=1, keepdims=True)
    figure, axes = _figure(3.2 + 0.5 * len(seen), 2.0 + 0.36 * len(true))
    axes.imshow(shares, cmap='Blues', vmin=0, vmax=1, aspect='auto')
    axes.set_xticks(range(len(seen)), [names[i] for i in seen.tolist()], rotation=40, ha='right')
    axes.set_yticks(range(len(true)), [names[i] for i in true.tolist()])
    axes.set_xlabel('predicted')
    axes.set_ylabel('true')
    for row, column in np.ndindex(*shares.shape):
        share = shares[row, column]
        if share >= 0.005:
            axes.text(column, row, f'{share:.0%}', ha='center', va='center', fontsize=7,
                      color='white' if share > 0.55 else _INK)
        if true[row] == seen[column]:
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False,
                                     edgecolor=_ACCENT, linewidth=1))
    return _png(figure)


def histogram(milliseconds: np.ndarray, what: str) -> bytes:
    """Return a histogram of durations with their percentiles; the slowest 0.5 % are cut."""
    figure, axes = _figure(7.2, 2.8)
    highest = np.percentile(milliseconds, 99.5)
    bins = min(60, max(10, len(milliseconds) // 4))
    axes.hist(np.minimum(milliseconds, highest), bins=bins, color=_ACCENT, alpha=0.85)
    for percent, style in ((50, '-'), (95, '--'), (99, ':')):
        value = np.percentile(milliseconds, percent)
        axes.axvline(value, color=_INK, linestyle=style, linewidth=1,
                     label=f'p{percent}: {value:.1f} ms')
    axes.set_xlabel(f'{what} (the highest 0.5 % are in the last bar)')
    axes.set_ylabel('frames')
    axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def reliability_plot(shares: Sequence[float],
                     accuracy: Optional[Sequence[Optional[float]]]) -> bytes:
    """
    Return bars of the pixels' share by confidence and, with truth, the share of right labels.

    :param shares: (bins,) of equal width.
    :param accuracy: alike, None in bins without a truth; or None.
    """
    figure, axes = _figure(5.6, 4.2)
    count = len(shares)
    centres = (np.arange(count) + 0.5) / count
    axes.bar(centres, shares, width=0.9 / count, color='#cbd5e0', label='share of pixels')
    if accuracy is not None:
        axes.plot((0, 1), (0, 1), color=_INK, linewidth=0.8, linestyle=':', label='calibrated')
        known = [(x, y) for x, y in zip(centres, accuracy) if y is not None]
        axes.plot(*zip(*known), color=_ACCENT, marker='o', markersize=3, linewidth=1,
                  label='share of right labels')
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel('confidence')
    axes.legend(frameon=False, fontsize=8, loc='upper left')
    return _png(figure)


def areas_plot(seconds: np.ndarray, areas: np.ndarray, names: Sequence[str],
               palette: Sequence[Sequence[int]]) -> bytes:
    """
    Return the classes' shares of the picture over time, stacked.

    :param areas: (F, n) shares; :param palette: (n, 3) RGB of 0..255.
    """
    figure, axes = _figure(9.2, 3.4)
    seconds, areas = thinned(seconds, areas)
    shown = [i for i in np.argsort(-areas.mean(axis=0)) if areas[:, i].max() > 0.001]
    colors = [shown_color(palette[i]) for i in shown]
    axes.stackplot(seconds, areas[:, shown].T, colors=colors, edgecolor='white', linewidth=0.2,
                   labels=[names[i] for i in shown])
    axes.set_xlim(seconds[0], max(seconds[-1], seconds[0] + 1e-3))
    axes.set_ylim(0, 1)
    axes.set_xlabel('seconds from the first frame')
    axes.set_ylabel('share of the picture')
    axes.legend(frameon=False, fontsize=8, loc='upper left', bbox_to_anchor=(1.005, 1.02))
    return _png(figure)


def time_series_plot(seconds: np.ndarray, values: np.ndarray, what: str) -> bytes:
    """Return one figure of 0..1 over time; values may be NaN."""
    figure, axes = _figure(9.2, 2.2)
    known = ~np.isnan(values)
    seconds, values = thinned(seconds[known], values[known])
    marker = 'o' if len(seconds) < 120 else None
    axes.plot(seconds, values, color=_ACCENT, linewidth=1, marker=marker, markersize=2.5)
    axes.set_ylim(0, max(0.05, min(1.0, float(values.max()) * 1.15)))
    axes.set_xlabel('seconds from the first frame')
    axes.set_ylabel(what)
    axes.grid(alpha=0.25)
    return _png(figure)


def shown_color(rgb: Sequence[int]) -> str:
    """Return a class's colour for plots and swatches, #rrggbb; black, the background, is pale."""
    return '#{:02x}{:02x}{:02x}'.format(*(rgb if any(rgb) else (226, 229, 233)))


def thinned(seconds: np.ndarray, values: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return at most 1200 points, each the mean of its neighbours."""
    count = len(seconds)
    group = -(-count // _MAX_POINTS)
    if group <= 1:
        return seconds, values
    starts = np.arange(0, count, group)
    sizes = np.diff(np.append(starts, count))
    shape = (-1,) + (1,) * (values.ndim - 1)
    return (np.add.reduceat(seconds, starts) / sizes,
            np.add.reduceat(values, starts, axis=0) / sizes.reshape(shape))


def _figure(width: float, height: float) -> Tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=_DPI, layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.tick_params(labelsize=8, colors=_INK)
    for side in ('top', 'right'):
        axes.spines[side].set_visible(False)
    return figure, axes


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png')
    return buffer.getvalue()
