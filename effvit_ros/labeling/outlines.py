"""A label map as polygons that a person can drag, drawn one above the other."""
from __future__ import annotations

from typing import List, NamedTuple

import cv2
import numpy as np

#: Pixels that an outline may be off, for fewer corners; upright edges stay where they are.
TOLERANCE = 0.75
#: The corners of pixels are found in a copy that is so many times as large.
_TIMES = 3


class Outline(NamedTuple):
    """A polygon (n, 2) float of x and y in pixels from the picture's corner, and its class."""

    index: int  # type: ignore[assignment]  # hides tuple's method
    points: np.ndarray


def outlines(labels: np.ndarray, least: int, ignore: int = 255,
             tolerance: float = TOLERANCE) -> List[Outline]:
    """
    Return polygons without holes that give a label map when they are drawn in this order.

    What lies in a hole is drawn later. Holes of ``ignore`` are covered by what is around them.

    :param labels: (H, W) uint8.
    :param least: pixels of a connected region below which it is left out.
    :param tolerance: 0 gives every corner, and the very map.
    """
    found = []
    for index in np.unique(labels[labels != ignore]).tolist():
        count, parts, boxes, _ = cv2.connectedComponentsWithStats(
            (labels == index).astype(np.uint8), connectivity=4)
        for part in range(1, count):
            left, top, width, height, area = boxes[part].tolist()
            if area < least:
                continue
            mask = parts[top:top + height, left:left + width] == part
            corners = _corners(mask)
            covered = cv2.contourArea(corners)
            if tolerance:
                corners = cv2.approxPolyDP(corners, tolerance, True)
            if len(corners) >= 3:
                found.append((covered, Outline(
                    index, corners.reshape(-1, 2).astype(float) + (left, top))))
    found.sort(key=lambda entry: -entry[0])  # what encloses another one covers more
    return [outline for _, outline in found]


def _corners(mask: np.ndarray) -> np.ndarray:
    """Return the outer outline of one region along the edges of its pixels, (n, 1, 2) float32."""
    large = mask.astype(np.uint8).repeat(_TIMES, axis=0).repeat(_TIMES, axis=1)
    contour = max(cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[-2], key=len)
    # Of the pixels that a pixel became, the first and the last lie next to its edges.
    points = np.floor((contour.reshape(-1, 2) + 1) / _TIMES)
    differs = (points != np.roll(points, 1, axis=0)).any(axis=1)
    return points[differs].astype(np.float32)[:, None]
