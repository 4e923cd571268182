"""How to learn, from how much there is to learn from and how long it may take."""
from __future__ import annotations

from typing import List, NamedTuple, Sequence, Tuple

import numpy as np

from effvit_compression.adapt.labelled import Labelled
from effvit_compression.data.augment import Augmentation
from effvit_ros.core.classes import IGNORE

#: Seconds for exporting, calibrating and scoring, half of the time at most.
EXPORT_S = 240
#: More crops of a picture than this teach its noise.
CROPS_OF_A_PICTURE = 300
#: Crops that a training is worth beginning for.
FEWEST_CROPS = 1200
#: An oblique view's rows differ in what they hold by this much more than its columns.
UPRIGHT = 2.5


class Plan(NamedTuple):
    """
    Settings of an adaptation.

    ``sizes``: sides of the crops with their chance, each step with about the pixels of ``batch``
    crops of the first. ``rate``: AdamW's for decoder and head, ``trunk_rate`` for the trunk.
    ``balance``: exponent of the classes' weights. ``keep``: weight of the soft labels of the
    bundle where there are labels; 1 where there are none. ``checks``: how often it is judged.
    """

    seconds: float
    steps: int
    augmentation: Augmentation
    batch: int = 8
    sizes: Sequence[Tuple[int, float]] = ((256, 0.4), (384, 0.3), (512, 0.3))
    rate: float = 1e-4
    trunk_rate: float = 3e-5
    warmup: float = 0.1
    balance: float = 0.25
    lovasz: float = 0.5
    keep: float = 0.1
    temperature: float = 2.0
    ema: float = 0.99
    rare: float = 0.5
    checks: int = 10
    clip: float = 5.0


def plan(labelled: Labelled, minutes: float, side: int) -> Plan:
    """
    Choose the settings for labelled pictures.

    :param side: of the network's square input.
    """
    upright = has_an_up([truth for _, truth in labelled])
    augmentation = Augmentation(
        scale=(0.6, 2.0), quarter_turns=not upright, tilt=8.0 if upright else 20.0)
    crops = FEWEST_CROPS + CROPS_OF_A_PICTURE * len(labelled)
    sizes = [(max(32, round(side * share / 32) * 32), chance)
             for share, chance in ((0.5, 0.4), (0.75, 0.3), (1.0, 0.3))]
    return Plan(max(minutes * 30, minutes * 60 - EXPORT_S), crops // Plan._field_defaults['batch'],
                augmentation, sizes=sizes)


def has_an_up(truths: Sequence[np.ndarray]) -> bool:
    """Whether what stands above in the pictures differs from what stands below."""
    def halves(axis: int) -> List[np.ndarray]:
        counts = np.zeros((2, IGNORE))
        for truth in truths:
            third = truth.shape[axis] // 3
            for number, part in enumerate((slice(0, third), slice(-third, None))):
                ids = truth[part] if axis == 0 else truth[:, part]
                counts[number] += np.bincount(ids.ravel(), minlength=IGNORE + 1)[:IGNORE]
        return list(counts / np.maximum(1, counts.sum(axis=1, keepdims=True)))

    rows, columns = (np.abs(np.subtract(*halves(axis))).sum() / 2 for axis in (0, 1))
    return bool(rows > 0.1 and rows > UPRIGHT * columns)
