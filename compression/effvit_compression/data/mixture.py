"""Batches from several datasets; each batch is a function of (seed, rank, iteration) alone."""
from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch

from effvit_compression.data.augment import Augmentation, random_crop
from effvit_compression.data.pictures import Pictures
from effvit_ros.core.classes import ClassSet, lpcv_classes

#: Key of ``rare`` for all classes together.
BALANCED = 'balanced'
#: Pixels that a picture must have of a class more of to be drawn for it.
FEW = 20


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

    :param rare: class name -> probability that a crop is drawn around one of its pixels.
        That of ``balanced`` is shared by the classes that a dataset has: each by the inverse root
        of its share of the mixture's labelled pixels.
    :param drawn: batches that were drawn in earlier trainings, and that are left out in this one.
    :param classes: what the labels' ids mean; default: LPCV's.
    """

    def __init__(self, parts: Sequence[Part], stretch: int, augmentation: Augmentation,
                 rare: Dict[str, float], seed: int, rank: int = 0, drawn: int = 0,
                 classes: Optional[ClassSet] = None):
        self._classes = classes or lpcv_classes()
        self._parts = [part.pictures for part in parts]
        self._augmentations = [part.augmentation or augmentation for part in parts]
        self._taught = np.array([part.taught for part in parts])
        shares = np.array([part.share for part in parts], float)
        self._shares = shares / shares.sum()
        self._stretch = stretch
        self._seed = (seed, rank)
        self._drawn = drawn
        self._rare = [self._chances(number, rare) for number in range(len(parts))]

    def _chances(self, number: int, rare: Dict[str, float]) -> Tuple[List[int], np.ndarray]:
        """Return classes and the chance of each in crops of a part, that of any place last."""
        named = {self._classes.index(name): chance for name, chance in rare.items()
                 if name != BALANCED}
        if rare.get(BALANCED):
            for index, part in balance(self.pixels, self._parts[number].pixels).items():
                named[index] = named.get(index, 0.0) + rare[BALANCED] * part
        return list(named), np.array([*named.values(), max(0.0, 1 - sum(named.values()))])

    @property
    def pixels(self) -> np.ndarray:
        """Share (classes,) of each in the labelled pixels, as often as pictures are drawn."""
        totals = [pictures.pixels.sum(axis=0) for pictures in self._parts]
        return sum(share * total / max(1, total.sum())
                   for share, total in zip(self._shares, totals))

    def batch(self, iteration: int, count: int, size: int) -> Batch:
        """Draw ``count`` crops of size x size for an iteration."""
        rng = np.random.default_rng((*self._seed, self._drawn + iteration))
        crops = [self._crop(size, rng) for _ in range(count)]
        images, labels, taught = (np.stack(part) for part in zip(*crops))
        return Batch(torch.from_numpy(images).permute(0, 3, 1, 2),
                     torch.from_numpy(labels.astype(np.int64)), torch.from_numpy(taught))

    def _crop(self, size, rng):
        part = rng.choice(len(self._parts), p=self._shares)
        pictures = self._parts[part]
        rare, chances = self._rare[part]
        draw = rng.choice(len(chances), p=chances)
        index, focus = int(rng.integers(len(pictures))), None
        if draw < len(rare):
            wanted = rare[draw]
            holders = np.nonzero(pictures.pixels[:, wanted] > FEW)[0]
            if holders.size:
                index = int(rng.choice(holders))
                ys, xs = np.nonzero(pictures[index][1] == wanted)
                pick = rng.integers(ys.size)
                focus = float(xs[pick]), float(ys[pick])
        image, label = pictures[index]
        crop, ids = random_crop(
            image, label, size, self._stretch, self._augmentations[part], rng, focus)
        return crop, ids, self._taught[part]


def balance(shares: np.ndarray, pixels: np.ndarray) -> Dict[int, float]:
    """
    Parts, 1 together, of the classes that a dataset has: each by the inverse root of its share.

    :param shares: (classes,) of the classes in the whole mixture.
    :param pixels: (pictures, classes) of the dataset.
    """
    held = np.nonzero((pixels > FEW).any(axis=0))[0]
    weights = shares[held] ** -0.5
    return {int(index): float(weight / weights.sum()) for index, weight in zip(held, weights)}
