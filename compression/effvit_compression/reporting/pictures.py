"""Plots and contact sheets."""
from __future__ import annotations

from pathlib import Path
from typing import List, Sequence

import cv2
import matplotlib
import numpy as np
from matplotlib.figure import Figure

from effvit_ros.core.classes import IGNORE, PALETTE

matplotlib.use('Agg')


def colours(labels: np.ndarray) -> np.ndarray:
    """Colours of a label map: (H, W, 3) uint8 RGB, grey where ignored."""
    table = np.full((256, 3), 128, np.uint8)
    table[:len(PALETTE)] = PALETTE
    table[IGNORE] = 128
    return table[labels]


def contact_sheet(rows: Sequence[Sequence[np.ndarray]], height: int = 240) -> np.ndarray:
    """Rows of RGB pictures, each row's pictures scaled to one height: (H, W, 3) uint8 RGB."""
    strips = []
    for row in rows:
        cells = [cv2.resize(p, (round(height * p.shape[1] / p.shape[0]), height),
                            interpolation=cv2.INTER_AREA) for p in row]
        strips.append(np.hstack(cells))
    width = max(strip.shape[1] for strip in strips)
    return np.vstack([cv2.copyMakeBorder(strip, 0, 0, 0, width - strip.shape[1],
                                         cv2.BORDER_CONSTANT) for strip in strips])


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
