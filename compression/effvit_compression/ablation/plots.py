"""Plots of an ablation."""
from __future__ import annotations

from pathlib import Path
from typing import List, Mapping, Sequence, Tuple

import numpy as np
from matplotlib.figure import Figure

from effvit_compression.ablation.summary import RowFigures


def difference_plot(rows: Sequence[RowFigures], reference: RowFigures, metrics: Sequence[str],
                    path: Path) -> None:
    """Horizontal bars of each row's differences from the reference, whiskers over the seeds."""
    others = [row for row in rows if row is not reference]
    figure = Figure(figsize=(7, 1.2 + 0.22 * max(1, len(others)) * (len(metrics) + 1)),
                    layout='constrained')
    axes = figure.add_subplot()
    height = 0.8 / len(metrics)
    for position, metric in enumerate(metrics):
        found = [row.difference(reference, metric) for row in others]
        places = np.arange(len(others)) + (position - (len(metrics) - 1) / 2) * height
        bars = axes.barh(places, [f.mean if f else 0 for f in found], height, label=metric,
                         xerr=[f.half_range if f else 0 for f in found], ecolor='black')
        axes.bar_label(bars, [f'{f.mean:+.3f}' if f else '-' for f in found], fontsize=7,
                       padding=2)
    axes.axvline(0, color='black', linewidth=0.8)
    axes.set_yticks(range(len(others)), [row.name for row in others])
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel(f'difference from {reference.name}')
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


def share_plot(rows: Sequence[RowFigures], dataset: str, path: Path) -> None:
    """Draw the IoU of each class over its share of the pixels, a marker for each row."""
    classes = {name: entry['share']
               for name, entry in rows[0].first['scores'][dataset]['per_class'].items()
               if entry['support']}
    figure = Figure(figsize=(8, 4.5), layout='constrained')
    axes = figure.add_subplot()
    markers = 'osv^<>DPX*phd'
    for number, row in enumerate(rows):
        found = [row.class_iou(dataset, name) for name in classes]
        axes.plot(list(classes.values()), [f.mean if f else np.nan for f in found],
                  markers[number % len(markers)], label=row.name, markersize=5, alpha=0.7)
    axes.set_xscale('log')
    axes.set_ylim(-0.02, 1.02)
    for name, share in classes.items():
        axes.annotate(name.split('/')[0], (share, 1.0), rotation=90, fontsize=7, va='top',
                      ha='right', color='grey')
    axes.set_xlabel(f'share of the labelled pixels of {dataset}')
    axes.set_ylabel('IoU')
    axes.legend(fontsize=7, loc='center left', bbox_to_anchor=(1.0, 0.5))
    figure.savefig(path, dpi=120)


def time_plot(rows: Sequence[RowFigures], metrics: Sequence[str], times: Mapping[str, float],
              runtime: str, path: Path) -> None:
    """Draw each metric over the rows' milliseconds, and the front: what nothing beats in both."""
    figure = Figure(figsize=(5 * len(metrics), 4), layout='constrained')
    for axes, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics):
        points = [(times[row.name], found.mean, row.name) for row in rows
                  if (found := row.figure(metric))]
        for ms, value, name in points:
            axes.plot(ms, value, 'o', color='tab:blue')
            axes.annotate(name, (ms, value), xytext=(4, 4), textcoords='offset points',
                          fontsize=8)
        front = front_of(points)
        axes.plot([ms for ms, _, _ in front], [value for _, value, _ in front], '-',
                  color='tab:blue', alpha=0.4)
        axes.set_xlabel(f'ms of one inference, {runtime}')
        axes.set_ylabel(metric)
        axes.margins(0.15)
    figure.savefig(path, dpi=120)


def front_of(points: Sequence[Tuple[float, float, str]]) -> List[Tuple[float, float, str]]:
    """Return those (ms, score, name) than which no quicker one scores as much."""
    front: List[Tuple[float, float, str]] = []
    for point in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or point[1] > front[-1][1]:
            front.append(point)
    return front
