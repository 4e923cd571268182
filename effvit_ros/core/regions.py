"""Connected regions of a label image: where each thing is, how large, how sure."""
from __future__ import annotations

from typing import Dict, Iterable, List, NamedTuple, Optional

import cv2
import numpy as np


class Region(NamedTuple):
    """
    One connected region (8 neighbours) of a class, in pixels.

    ``centre``: (x, y), the mean of its pixels. ``box``: (x, y, width, height). ``area``: pixels.
    ``confidence``: mean probability of its pixels, 0..1, None where none was given. ``rings``:
    the outline first, then holes, as lists of [x, y] of the pixels on the border.
    """

    class_id: int
    centre: tuple
    box: tuple
    area: int
    confidence: Optional[float]
    rings: list


def regions(labels: np.ndarray, class_ids: Iterable[int],
            confidence: Optional[np.ndarray] = None, least_pixels: int = 1) -> List[Region]:
    """
    Return the :class:`Region` of each connected region of these classes, the largest first.

    :param labels: (H, W) uint8.
    :param confidence: (H, W) uint8, 255 is 1, or None.
    :param least_pixels: smaller ones are left out.
    """
    found = []
    for class_id in class_ids:
        mask = (labels == class_id).view(np.uint8)
        if cv2.countNonZero(mask) >= least_pixels:
            found += _of_class(mask, int(class_id), confidence, least_pixels)
    return sorted(found, key=lambda region: -region.area)


def _of_class(mask: np.ndarray, class_id: int, confidence: Optional[np.ndarray],
              least_pixels: int) -> List[Region]:
    count, ids, stats, centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
    means = None
    if confidence is not None:
        # Of the whole class at once: a sum for each region.
        inside = ids > 0
        sums = np.bincount(ids[inside], weights=confidence[inside], minlength=count)
        means = sums / np.maximum(stats[:, cv2.CC_STAT_AREA], 1) / 255
    rings = _rings(mask, ids)
    return [Region(class_id, (float(centres[i][0]), float(centres[i][1])),
                   tuple(int(v) for v in stats[i][:4]), int(stats[i][cv2.CC_STAT_AREA]),
                   None if means is None else float(means[i]), rings[i])
            for i in range(1, count) if stats[i][cv2.CC_STAT_AREA] >= least_pixels]


def _rings(mask: np.ndarray, ids: np.ndarray) -> Dict[int, list]:
    """Return {component: its rings}; OpenCV's outlines go by 8 neighbours as the components do."""
    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    rings: Dict[int, list] = {}
    for outer in (True, False):
        for contour, (_, _, _, parent) in zip(contours, hierarchy[0]):
            if (parent < 0) == outer:
                x, y = contours[parent][0][0] if parent >= 0 else contour[0][0]
                rings.setdefault(int(ids[y, x]), []).append(contour[:, 0].tolist())
    return rings
