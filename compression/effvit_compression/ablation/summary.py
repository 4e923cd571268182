"""What an ablation came to: figures by row, and their differences from the reference row."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional

import numpy as np

WATER = 'flood/water/river/sea'


@dataclass(frozen=True)
class Spread:
    """Mean of a figure over seeds, and half the range from the lowest to the highest."""

    mean: float
    half_range: float
    n: int

    def text(self, sign: str = '') -> str:
        """Three digits after the point; with ``sign='+'`` always signed."""
        spread = f' ± {self.half_range:.3f}' if self.n > 1 else ''
        return f'{self.mean:{sign}.3f}{spread}'


@dataclass(frozen=True)
class RowFigures:
    """A row's finished trials, by seed."""

    name: str
    trials: Mapping[int, dict]

    @property
    def first(self) -> dict:
        """Trial that stands for the row where seeds make no difference."""
        return next(iter(self.trials.values()))

    @property
    def metrics(self) -> List[str]:
        """Names of its scores."""
        return list(scores(self.first))

    def figure(self, metric: str) -> Optional[Spread]:
        """Return a score over the seeds; None where it is undefined."""
        return spread([scores(trial).get(metric) for trial in self.trials.values()])

    def difference(self, other: RowFigures, metric: str) -> Optional[Spread]:
        """Return how much better than ``other``: seed by seed where both have seeds in common."""
        common = [seed for seed in self.trials if seed in other.trials]
        if common:
            pairs = [(scores(self.trials[seed]).get(metric),
                      scores(other.trials[seed]).get(metric)) for seed in common]
            return spread([None if one is None or two is None else one - two
                           for one, two in pairs])
        ours, theirs = self.figure(metric), other.figure(metric)
        return spread([ours.mean - theirs.mean]) if ours and theirs else None

    def class_iou(self, dataset: str, name: str) -> Optional[Spread]:
        """Return the IoU of a class over the seeds."""
        return spread([trial['scores'][dataset]['per_class'][name]['iou']
                       for trial in self.trials.values()])


def spread(values: List[Optional[float]]) -> Optional[Spread]:
    """Return mean and half range of the values that are defined; None without any."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(float(np.mean(known)), (max(known) - min(known)) / 2, len(known))


def scores(trial: dict) -> Dict[str, Optional[float]]:
    """Return a trial's scores by metric and dataset."""
    found = {}
    for dataset, values in trial['scores'].items():
        found[f'mIoU {dataset}'] = values['miou']
        if values['mdice_lpcv'] is not None:  # of other classes there is none
            found[f'LPCV mDice {dataset}'] = values['mdice_lpcv']
        if values['per_class'].get(WATER, {}).get('support'):
            found[f'water IoU {dataset}'] = values['per_class'][WATER]['iou']
    return found
