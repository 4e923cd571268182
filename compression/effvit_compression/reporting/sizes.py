"""From which size on things are found: a class's things one by one, by their side in pixels."""
from __future__ import annotations

from typing import Dict, List, NamedTuple, Sequence, Tuple

import cv2
import numpy as np

#: Upper bounds of the sides, in pixels of the network's input; the last group has none.
BOUNDS = (4, 8, 16, 32, 64)
#: Share of a thing's pixels that must be called right for it to be found.
HALF = 0.5


class Thing(NamedTuple):
    """A connected piece of a class: side of the square of its area, share called right."""

    side: float
    right: float


def things(truth: np.ndarray, labels: np.ndarray, index: int, size: int) -> List[Thing]:
    """
    Things of a class in a picture.

    :param truth: (H, W) uint8; ``labels`` alike, what the network says.
    :param size: side of the network's square input, which the picture is stretched to.
    """
    mask = (truth == index).astype(np.uint8)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(mask)
    right = np.bincount(pieces[labels == index], minlength=count)
    areas = stats[:, cv2.CC_STAT_AREA]
    scale = size * size / truth.size
    return [Thing(float(np.sqrt(areas[n] * scale)), float(right[n] / areas[n]))
            for n in range(1, count)]


def found_by_size(listed: Sequence[Thing]) -> Dict[str, Tuple[int, float]]:
    """Return number and share found of the things of each group of sides that has any."""
    groups = np.digitize(np.array([thing.side for thing in listed], float), BOUNDS)
    table = {}
    for number, name in enumerate(names()):
        inside = [thing for thing, group in zip(listed, groups) if group == number]
        if inside:
            found = sum(thing.right >= HALF for thing in inside)
            table[name] = len(inside), found / len(inside)
    return table


def names() -> List[str]:
    """Return the groups in words."""
    return [f'below {BOUNDS[0]}', *(f'{low} to {high}' for low, high in zip(BOUNDS, BOUNDS[1:])),
            f'{BOUNDS[-1]} and more']
