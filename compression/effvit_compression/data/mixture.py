"""Batches from several datasets; each batch is a function of (seed, rank, iteration) alone."""
from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Sequence

import numpy as np
import torch

from effvit_compression.data.augment import Augmentation, random_crop
from effvit_compression.data.pictures import Pictures
from effvit_ros.core.lpcv import NAMES


class Batch(NamedTuple):
    """
    Crops for one step.

    ``images``: (N, 3, S, S) uint8, channels last in memory. ``labels``: (N, S, S) int64.
    ``taught``: (N,) bool, whether a teacher's opinion of the crop counts.
    """

    images: torch.Tensor
    labels: torch.Tensor
    taught: torch.Tensor


class Part(NamedTuple):
    """
    A dataset in a mixture; ``share``: any positive number.

    ``taught`` is False where the labels are exact and the teacher never saw such pictures.
    ``augmentation`` replaces the mixture's: oblique views have an "up", nadir views do not.
    """

    pictures: Pictures
    share: float
    taught: bool = True
    augmentation: Optional[Augmentation] = None


class Mixture:
    """
    Draws augmented crops from several datasets by weight.

    A batch depends on nothing but (seed, rank, iteration), so an interrupted training sees the
    same pictures when it resumes.

    :param rare: LPCV class name -> probability that a crop is drawn around one of its pixels.
    """

    def __init__(self, parts: Sequence[Part], stretch: int,
                 augmentation: Augmentation, rare: Dict[str, float], seed: int, rank: int = 0):
        self._parts = [part.pictures for part in parts]
        self._augmentations = [part.augmentation or augmentation for part in parts]
        self._taught = np.array([part.taught for part in parts])
        shares = np.array([part.share for part in parts], float)
        self._shares = shares / shares.sum()
        self._stretch = stretch
        self._seed = (seed, rank)
        self._rare = [NAMES.index(name) for name in rare]
        self._rare_chance = np.array([*rare.values(), 1 - sum(rare.values())])

    @property
    def pixels(self) -> np.ndarray:
        """Share (14,) of each class in the labelled pixels, as often as pictures are drawn."""
        totals = [pictures.pixels.sum(axis=0) for pictures in self._parts]
        return sum(share * total / total.sum() for share, total in zip(self._shares, totals))

    def batch(self, iteration: int, count: int, size: int) -> Batch:
        """Draw ``count`` crops of size x size for an iteration."""
        rng = np.random.default_rng((*self._seed, iteration))
        crops = [self._crop(size, rng) for _ in range(count)]
        images, labels, taught = (np.stack(part) for part in zip(*crops))
        return Batch(torch.from_numpy(images).permute(0, 3, 1, 2),
                     torch.from_numpy(labels.astype(np.int64)), torch.from_numpy(taught))

    def _crop(self, size, rng):
        part = rng.choice(len(self._parts), p=self._shares)
        pictures = self._parts[part]
        draw = rng.choice(len(self._rare_chance), p=self._rare_chance)
        index, focus = int(rng.integers(len(pictures))), None
        if draw < len(self._rare):
            wanted = self._rare[draw]
            holders = np.nonzero(pictures.pixels[:, wanted] > 20)[0]
            if holders.size:
                index = int(rng.choice(holders))
                ys, xs = np.nonzero(pictures[index][1] == wanted)
                pick = rng.integers(ys.size)
                focus = float(xs[pick]), float(ys[pick])
        image, label = pictures[index]
        crop, ids = random_crop(
            image, label, size, self._stretch, self._augmentations[part], rng, focus)
        return crop, ids, self._taught[part]
