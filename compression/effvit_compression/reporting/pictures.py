"""The plots of a compression report."""
from __future__ import annotations

from pathlib import Path
from typing import List

import matplotlib
import numpy as np
from matplotlib.figure import Figure

matplotlib.use('Agg')


def score_plot(rows: List[dict], path: Path) -> None:
    """Bars of the mIoU by stage, one group for each dataset."""
    names = [key for key in rows[0] if key.startswith('mIoU ')]
    stages = [row['stage'] for row in rows]
    figure = Figure(figsize=(1.5 + 1.4 * len(stages), 3.6), layout='constrained')
    axes = figure.add_subplot()
    width = 0.8 / len(names)
    for position, name in enumerate(names):
        places = np.arange(len(stages)) + (position - (len(names) - 1) / 2) * width
        bars = axes.bar(places, [row[name] or 0 for row in rows], width, label=name[5:])
        axes.bar_label(bars, fmt='%.2f', fontsize=7)
    axes.set_xticks(range(len(stages)), stages)
    axes.set_ylabel('mIoU on val')
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


def latency_plot(rows: List[dict], path: Path) -> None:
    """Horizontal bars of the columns in milliseconds, for the rows that have them."""
    bars = [(f'{row["stage"]}, {key[:-4]}', row[key]) for row in rows for key in row
            if key.endswith(', ms')]
    figure = Figure(figsize=(6, 1 + 0.35 * len(bars)), layout='constrained')
    axes = figure.add_subplot()
    axes.bar_label(axes.barh(*zip(*bars)), fmt='%.1f', fontsize=8)
    axes.margins(x=0.12)
    axes.set_xlabel('median of one inference, ms')
    axes.invert_yaxis()
    figure.savefig(path, dpi=120)
