"""A view from higher up: many whole pictures side by side, each turned its own way."""
from __future__ import annotations

from typing import Callable, Sequence, Tuple

import cv2
import numpy as np

from effvit_compression.data.augment import Augmentation, CELL, Crop
from effvit_ros.core.resize import nearest

#: Least side of a picture in a mosaic: below, a house is a few pixels.
LEAST = 32


def cell_side(zoom: float, stretch: int) -> int:
    """Side of a picture in a mosaic: whole cells of the teachers' answers."""
    return max(LEAST, round(zoom * stretch / CELL) * CELL)


def mosaic(first: Crop, draw: Callable[[], Crop], size: int, side: int, settings: Augmentation,
           rng: np.random.Generator) -> Crop:
    """
    Fill a crop of size x size with whole pictures of side x side.

    :param first: the picture in the middle.
    :param draw: gives another picture.
    """
    top, left = (rng.integers(0, side // CELL, 2) * CELL).tolist()
    count = -(-(size + side) // side)
    middle = (top + size // 2) // side, (left + size // 2) // side
    rows = []
    for row in range(count):
        cells = []
        for column in range(count):
            here = (row, column) == middle
            cells.append(cell(first if here else draw(), side, settings, rng))
        rows.append(joined(cells, 1))
    whole = joined(rows, 0)
    return Crop(window(whole.image, (top, left), size), window(whole.label, (top, left), size),
                None if whole.answer is None else
                window(whole.answer, (top // CELL, left // CELL), size // CELL))


def cell(picture: Crop, side: int, settings: Augmentation, rng: np.random.Generator) -> Crop:
    """Return a whole picture in side x side, turned and mirrored as the settings allow."""
    turns = int(rng.integers(4)) if settings.quarter_turns else 0
    mirrored = settings.flip and rng.random() < 0.5

    def turned(image: np.ndarray) -> np.ndarray:
        return np.rot90(image[:, ::-1] if mirrored else image, turns)
    # OpenCV averages areas of 4 channels at most: answers are interpolated.
    return Crop(turned(cv2.resize(picture.image, (side, side), interpolation=cv2.INTER_AREA)),
                turned(nearest(picture.label, (side, side))),
                None if picture.answer is None else
                turned(cv2.resize(picture.answer, (side // CELL, side // CELL))))


def joined(crops: Sequence[Crop], axis: int) -> Crop:
    """Put crops of one size side by side (axis 1) or below each other (0)."""
    images, labels, answers = zip(*crops)
    return Crop(np.concatenate(images, axis), np.concatenate(labels, axis),
                None if answers[0] is None else np.concatenate(answers, axis))


def window(image: np.ndarray, start: Tuple[int, int], size: int) -> np.ndarray:
    """Cut size x size out of an image from (row, column) on."""
    return np.ascontiguousarray(image[start[0]:start[0] + size, start[1]:start[1] + size])
