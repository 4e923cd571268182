"""Batches from several datasets; each batch is a function of (seed, rank, iteration) alone."""
from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Protocol, Sequence, Tuple

import numpy as np
import torch

from effvit_compression.data.answers import Answers, corrected
from effvit_compression.data.augment import (
    Augmentation,
    CELL,
    change_colours,
    Crop,
    random_crop,
)
from effvit_compression.data.mosaic import cell_side, mosaic
from effvit_compression.data.paste import paste
from effvit_compression.data.recolour import Change, PALETTES, recoloured
from effvit_compression.data.sharpness import changed_sharpness
from effvit_ros.core.classes import ClassSet, IGNORE, lpcv_classes

#: Key of ``rare`` for all classes together.
BALANCED = 'balanced'
#: Pixels that a picture must have of a class more of to be drawn for it.
FEW = 20
#: Label of a pixel of which is known only which classes it does not belong to.
ELSE = 254
#: Name of such pixels in ``Augmentation.recolour``.
UNLABELLED = 'unlabelled'
#: Share of the crop's side below which a whole picture is not stretched over it by mirroring.
FILLS = 0.9


class Batch(NamedTuple):
    """
    Crops for one step.

    ``images``: (N, 3, S, S) uint8, channels last in memory. ``labels``: (N, S, S) int64.
    ``taught``: (N,) bool, whether a teacher's opinion of the crop counts. ``answers``: (N,
    classes, S/4, S/4) float32, what teachers said before of the pictures, 0 where none did; None
    where none does anywhere. ``excluded``: (N, classes) bool, what pixels labelled ELSE are not.
    """

    images: torch.Tensor
    labels: torch.Tensor
    taught: torch.Tensor
    answers: Optional[torch.Tensor] = None
    excluded: Optional[torch.Tensor] = None


class PictureSet(Protocol):
    """What is drawn from: a split's ``Pictures``, or those of an adaptation."""

    def __len__(self) -> int:
        """Count the pictures."""

    def __getitem__(self, index: int) -> Tuple[np.ndarray, np.ndarray]:
        """Picture (H, W, 3) uint8 RGB and labels (H, W) uint8."""

    @property
    def trusted(self) -> Sequence[str]:
        """Return the classes that alone were labelled by hand; none where all were."""

    @property
    def pixels(self) -> np.ndarray:
        """Pixel counts (pictures, classes) int64, ignored pixels left out."""


class Part(NamedTuple):
    """
    A dataset in a mixture; ``share``: any positive number.

    ``taught`` is False where the labels are exact and the teacher never saw such pictures.
    ``augmentation`` replaces the mixture's: oblique views have an "up", nadir views do not.
    ``guesses``: whether labels of classes that nobody labelled by hand are learnt; otherwise such
    a pixel is ELSE. ``answers``: what teachers say of the pictures.
    """

    pictures: PictureSet
    share: float
    taught: bool = True
    augmentation: Optional[Augmentation] = None
    guesses: bool = True
    answers: Optional[Answers] = None


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
    :param pasted: names of what may be pasted from one crop of a batch onto another.
    :param pasting: chance that something is.
    """

    def __init__(self, parts: Sequence[Part], stretch: int, augmentation: Augmentation,
                 rare: Dict[str, float], seed: int, rank: int = 0, drawn: int = 0,
                 classes: Optional[ClassSet] = None, pasted: Sequence[str] = (),
                 pasting: float = 0.0):
        self._classes = classes or lpcv_classes()
        self._parts = [part.pictures for part in parts]
        self._answers = [part.answers for part in parts]
        self._asked = any(self._answers)
        self._by_hand = [hand_labelled(part.pictures.trusted, self._classes)
                         for part in parts]
        self._guesses = [part.guesses for part in parts]
        self._pasted = [self._classes.index(name) for name in pasted]
        self._pasting = pasting
        self._augmentations = [part.augmentation or augmentation for part in parts]
        self._colours = [changes(settings, self._classes) for settings in self._augmentations]
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
        drawn = [self._crop(size, rng) for _ in range(count)]
        parts, crops = [part for part, _ in drawn], [crop for _, crop in drawn]
        if self._pasting:
            crops = paste(crops, self._pasted, self._pasting, rng)
        crops = [recoloured(crop, self._colours[part], rng) for part, crop in zip(parts, crops)]
        images = self._seen(parts, [crop.image for crop in crops], rng)
        labels = np.stack([crop.label for crop in crops])
        return Batch(
            torch.from_numpy(images).permute(0, 3, 1, 2),
            torch.from_numpy(labels.astype(np.int64)), torch.from_numpy(self._taught[parts]),
            self._answers_of(parts, crops) if self._asked else None,
            torch.from_numpy(np.stack([self._by_hand[part] for part in parts])))

    def _seen(self, parts: Sequence[int], images: Sequence[np.ndarray],
              rng: np.random.Generator) -> np.ndarray:
        """Stack the crops' pictures as other cameras in other light see them."""
        settings = [self._augmentations[part] for part in parts]
        # Where sharpness stays, fine detail is what is looked for: others don't get it either.
        details = [image for image, own in zip(images, settings) if own.sharpness]
        seen = []
        for image, own in zip(images, settings):
            if own.sharpness:
                other = details[rng.integers(len(details))]
                image = changed_sharpness(image, other, own.sharpness, rng)
            seen.append(change_colours(image, own, rng))
        return np.stack(seen)

    def _answers_of(self, parts: Sequence[int], crops: Sequence[Crop]) -> torch.Tensor:
        """Stack the answers, with what hands have labelled put right."""
        nothing = np.zeros((*np.array(crops[0].label.shape) // CELL, len(self._classes)),
                           np.float32)
        return torch.from_numpy(np.stack([
            nothing if crop.answer is None else
            corrected(crop.answer, crop.label, self._by_hand[part], ELSE)
            for part, crop in zip(parts, crops)])).permute(0, 3, 1, 2)

    def _crop(self, size: int, rng: np.random.Generator) -> Tuple[int, Crop]:
        """Return the number of a part and a crop of one of its pictures, in its own colours."""
        part = int(rng.choice(len(self._parts), p=self._shares))
        settings = self._augmentations[part]
        index, focus = self._pick(part, rng)
        zoom = settings.zoom(rng)
        if settings.mosaic and zoom * self._stretch < FILLS * size:
            others = len(self._parts[part])
            return part, mosaic(
                self._picture(part, index),
                lambda: self._picture(part, int(rng.integers(others))), size,
                cell_side(zoom, self._stretch), settings, rng)
        return part, random_crop(
            self._picture(part, index), size, self._stretch, settings, rng, focus, zoom)

    def _pick(self, part: int, rng: np.random.Generator,
              ) -> Tuple[int, Optional[Tuple[float, float]]]:
        """Draw a picture and, where a rare class is wanted, a place of it."""
        pictures = self._parts[part]
        rare, chances = self._rare[part]
        draw = rng.choice(len(chances), p=chances)
        index = int(rng.integers(len(pictures)))
        if draw == len(rare):
            return index, None
        wanted = rare[draw]
        holders = np.nonzero(pictures.pixels[:, wanted] > FEW)[0]
        if not holders.size:
            return index, None
        index = int(rng.choice(holders))
        ys, xs = np.nonzero(pictures[index][1] == wanted)
        pick = rng.integers(ys.size)
        return index, (float(xs[pick]), float(ys[pick]))

    def _picture(self, part: int, index: int) -> Crop:
        """Return a whole picture with what is known of it."""
        image, label = self._parts[part][index]
        if not self._guesses[part]:
            label = without_guesses(label, self._by_hand[part])
        answers = self._answers[part]
        return Crop(image, label, answers[index] if answers else None)


def changes(settings: Augmentation, classes: ClassSet) -> List[Change]:
    """Return what gets another colour; the names are known to be classes."""
    return [Change(ELSE if name == UNLABELLED else classes.index(name), PALETTES[palette], chance)
            for name, (palette, chance) in settings.recolour.items()]


def hand_labelled(trusted: Sequence[str], classes: ClassSet) -> np.ndarray:
    """Return which classes (classes,) alone were labelled by hand; none where all were."""
    return np.isin(classes.names, list(trusted))


def without_guesses(label: np.ndarray, by_hand: np.ndarray) -> np.ndarray:
    """Labels with ELSE for classes that nobody labelled by hand; as they are where all were."""
    if not by_hand.any():
        return label
    table = np.arange(IGNORE + 1, dtype=np.uint8)
    table[:len(by_hand)][~by_hand] = ELSE
    return table[label]


def balance(shares: np.ndarray, pixels: np.ndarray) -> Dict[int, float]:
    """
    Parts, 1 together, of the classes that a dataset has: each by the inverse root of its share.

    :param shares: (classes,) of the classes in the whole mixture.
    :param pixels: (pictures, classes) of the dataset.
    """
    held = np.nonzero((pixels > FEW).any(axis=0))[0]
    weights = shares[held] ** -0.5
    return {int(index): float(weight / weights.sum()) for index, weight in zip(held, weights)}
