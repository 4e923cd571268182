"""The labelled pictures of an adaptation, in memory, and which of them are held out."""
from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Callable, Iterable, Iterator, List, Sequence, Tuple

import cv2
import numpy as np

from effvit_compression.data.description import DatasetDescription
from effvit_compression.data.pictures import read_image, read_label
from effvit_compression.evaluation import read_truth
from effvit_ros.core.classes import IGNORE
from effvit_ros.core.errors import UserError
from effvit_ros.core.labelled_pictures import check_pair

#: Pictures of one scene differ by less than this much, mean over pixels of a tiny grey copy.
ALIKE = 14.0
#: Standard deviation that the tiny copies are given, grey levels.
CONTRAST = 40.0
#: One group of pictures of so many is held out.
HELD_OUT = 5
#: Fewer groups leave nothing to learn from or nothing to judge by.
LEAST = 3


@dataclass(frozen=True)
class Sample:
    """A picture's file, its label's, and how to read that: (H, W) uint8 in the bundle's ids."""

    image: Path
    label: Path
    truth: Callable[[], np.ndarray]

    def read(self) -> Tuple[np.ndarray, np.ndarray]:
        """Picture (H, W, 3) uint8 RGB and truth; :raises UserError: unreadable, sizes differ."""
        image, truth = read_image(self.image), self.truth()
        check_pair(self.label, truth.shape, self.image, image.shape)
        return image, truth


def samples_of(pairs: Iterable[Tuple[Path, Path]], n_classes: int, ignore: int) -> List[Sample]:
    """Describe pictures whose label files hold the bundle's ids."""
    return [Sample(image, label, functools.partial(read_truth, label, n_classes, ignore))
            for image, label in pairs]


def described(description: DatasetDescription, split: str) -> List[Sample]:
    """
    Describe the pictures of a dataset's split.

    :raises UserError: the dataset has no such split.
    """
    return [Sample(pair.image, pair.label,
                   functools.partial(read_label, pair.label, description))
            for pair in description.pairs(split)]


class Labelled:
    """
    Samples decoded once and no larger than a training can use; a mixture's ``Pictures``.

    :param most: longest side in pixels that is kept.
    """

    #: As a dataset's: every class was labelled by hand.
    trusted: Sequence[str] = ()

    def __init__(self, samples: Sequence[Sample], n_classes: int, most: int):
        self.samples = list(samples)
        self._n_classes = n_classes
        self._kept = [shrunk(*sample.read(), most) for sample in samples]

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> Tuple[np.ndarray, np.ndarray]:
        return self._kept[index]

    def __iter__(self) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
        return iter(self._kept)

    def part(self, indices: Sequence[int]) -> 'Labelled':
        """Return some of them, which share their memory."""
        part = Labelled([], self._n_classes, 0)
        part.samples = [self.samples[index] for index in indices]
        part._kept = [self._kept[index] for index in indices]
        return part

    @cached_property
    def pixels(self) -> np.ndarray:
        """Pixel counts (pictures, classes) int64, ignored pixels left out."""
        counts = [np.bincount(truth.ravel(), minlength=IGNORE + 1)[:self._n_classes]
                  for _, truth in self._kept]
        return np.array(counts, np.int64).reshape(len(counts), self._n_classes)


def shrunk(image: np.ndarray, truth: np.ndarray, most: int) -> Tuple[np.ndarray, np.ndarray]:
    """Return picture and truth with neither side longer than ``most``."""
    scale = most / max(image.shape[:2])
    if scale >= 1:
        return image, truth
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    return (cv2.resize(image, size, interpolation=cv2.INTER_AREA),
            cv2.resize(truth, size, interpolation=cv2.INTER_NEAREST_EXACT))


def hold_out(labelled: Labelled) -> Tuple[List[int], List[int]]:
    """
    Return indices to learn from and to judge by; pictures that look alike are never on both sides.

    The order is that of the files' names, which is that of the flight: every fifth group is held
    out, so that all of the flight is judged.

    :raises UserError: fewer than three groups of pictures that differ.
    """
    groups = look_alikes([image for image, _ in labelled])
    if len(groups) < LEAST:
        raise UserError(
            f'{len(labelled)} labelled pictures, of which only {len(groups)} differ enough to be '
            f'told apart: label {LEAST} or more of different places')
    every = min(HELD_OUT, len(groups))
    judged = {number for number in range(len(groups)) if number % every == every // 2}
    sides: Tuple[List[int], List[int]] = ([], [])
    for number, group in enumerate(groups):
        sides[number in judged].extend(group)
    return sides


def look_alikes(images: Sequence[np.ndarray]) -> List[List[int]]:
    """Group pictures that show one scene, directly or by way of others; in order."""
    tiny = np.array([cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (16, 16),
                                interpolation=cv2.INTER_AREA).ravel() for image in images], float)
    tiny -= tiny.mean(axis=1, keepdims=True)  # exposure and haze make no difference
    tiny *= CONTRAST / np.maximum(tiny.std(axis=1, keepdims=True), 1)
    group = list(range(len(tiny)))
    for one in range(len(tiny)):
        for other in range(one):
            if group[one] != group[other] and np.abs(tiny[one] - tiny[other]).mean() < ALIKE:
                old, new = sorted((group[one], group[other]), reverse=True)
                group = [new if number == old else number for number in group]
    return [[i for i, number in enumerate(group) if number == first]
            for first in sorted(set(group))]
