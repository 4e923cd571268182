"""
The segmenter's tail: from the network's scores to labels and confidence at the picture's size.

The graph ends at scores on a coarse grid (a quarter of its input). A picture's labels are the
argmax of the bilinear interpolation of those scores (half-pixel centres, edges clamped, as ONNX's
``Resize`` and torch's ``interpolate(align_corners=False)``). Computing that for every pixel and
class would cost more than the network. Two facts make it exact and cheap:

- Within a cell of the grid every interpolated score is a convex mix of the four at its corners.
  Where the same class wins at all four, it wins everywhere in the cell.
- In the other cells (about one in twelve on photographs) a class whose best corner is below
  another's worst corner can't win; two or three are left to be compared.

A picture of noise has no such cells; there every pixel and class is interpolated after all.
"""
from __future__ import annotations

from typing import Iterable, Sequence

import cv2
import numpy as np

#: Pixels that are interpolated in one go: what they need stays in the processor's cache.
CHUNK = 1 << 16
#: Share of cells with different corners above which interpolating every pixel takes less time.
NOISY = 0.3


class Tail:
    """
    Labels and confidence at one picture size, from scores of one grid size.

    Made once for a size and used for each frame; not for several threads at once.
    """

    def __init__(self, grid: Sequence[int], size: Sequence[int]) -> None:
        """
        Prepare the geometry.

        :param grid: (rows, columns) of the scores.
        :param size: (height, width) of the labels.
        """
        self.grid = tuple(grid)
        self.size = tuple(size)
        self._rows = _Axis(self.grid[0], self.size[0])
        self._columns = _Axis(self.grid[1], self.size[1])
        self._coarse = np.empty((self.grid[0], self.size[1]), np.uint8)
        self._labels = np.empty(self.size, np.uint8)
        self._confidence = np.empty(self.size, np.uint8)

    def labels(self, scores: np.ndarray) -> np.ndarray:
        """
        Return the class ids, (height, width) uint8, valid until the next call.

        :param scores: (classes, rows, columns) float32.
        """
        winners = argmax(scores)
        # With mode clip, take writes straight into its output.
        np.take(winners, self._columns.cell, axis=1, out=self._coarse, mode='clip')
        np.take(self._coarse, self._rows.cell, axis=0, out=self._labels, mode='clip')
        rows, columns = self._rows, self._columns
        mixed = np.zeros((max(self.grid[0] - 1, 1), max(self.grid[1] - 1, 1)), bool)
        first = winners[rows.low][:, columns.low]
        for below, right in ((rows.high, columns.low), (rows.low, columns.high),
                             (rows.high, columns.high)):
            mixed |= winners[below][:, right] != first
        if np.count_nonzero(mixed) > NOISY * mixed.size:
            self._labels[...] = argmax(
                cv2.resize(plane, self.size[::-1], interpolation=cv2.INTER_LINEAR)
                for plane in scores)
            return self._labels
        mixed &= rows.used[:, None] & columns.used[None]
        cells = np.flatnonzero(mixed)
        if cells.size:
            flat = scores.reshape(len(scores), -1)
            count = max(1, CHUNK // (rows.pixel.shape[1] * columns.pixel.shape[1]))
            for start in range(0, cells.size, count):
                self._interpolate(flat, cells[start:start + count], mixed.shape[1])
        return self._labels

    def confidence(self, scores: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """
        Return the probability of the winning class, (height, width) uint8: 255 is 1.

        It is the softmax of ``scores / temperature`` at the grid, interpolated between its
        points. Valid until the next call.
        """
        coarse = np.rint(255 * winning_probability(scores, temperature)).astype(np.uint8)
        return cv2.resize(coarse, self.size[::-1], dst=self._confidence,
                          interpolation=cv2.INTER_LINEAR)

    def _interpolate(self, flat: np.ndarray, cells: np.ndarray, columns: int) -> None:
        """Label the pixels of ``cells``, whose corners disagree."""
        row, column = np.divmod(cells, columns)
        rows, cols = self._rows, self._columns
        top, bottom = rows.low[row] * self.grid[1], rows.high[row] * self.grid[1]
        left, right = cols.low[column], cols.high[column]
        # (classes, cells) at each corner: top left, bottom left, top right, bottom right.
        corners = [np.take(flat, index, axis=1) for index in (
            top + left, bottom + left, top + right, bottom + right)]
        least = np.minimum(np.minimum(corners[0], corners[1]),
                           np.minimum(corners[2], corners[3])).max(axis=0)
        most = np.maximum(np.maximum(corners[0], corners[1]),
                          np.maximum(corners[2], corners[3]))
        # By cell, then by class.
        cell, number = np.nonzero(np.ascontiguousarray((most >= least).T))
        counts = np.bincount(cell, minlength=cells.size)
        starts = np.cumsum(counts) - counts
        scores = np.stack([corner[number, cell] for corner in corners])  # (4, candidates)
        down, across = rows.weight[row], cols.weight[column]
        best = _mix(scores[:, starts], down, across)
        ids = np.empty(best.shape, np.uint8)
        ids[...] = number[starts, None, None]
        for rank in range(1, counts.max()):
            more = np.flatnonzero(counts > rank)
            candidate = starts[more] + rank
            values = _mix(scores[:, candidate], down[more], across[more])
            before, winners = best[more], ids[more]
            np.copyto(winners, number[candidate, None, None].astype(np.uint8),
                      where=values > before)
            best[more], ids[more] = np.maximum(before, values), winners
        where = (rows.pixel[row] * self.size[1])[:, :, None] + cols.pixel[column][:, None]
        self._labels.reshape(-1)[where] = ids


def _mix(corners: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """
    Interpolate one score in each cell.

    :param corners: (4, cells): top left, bottom left, top right, bottom right.
    :param down: weights of the pixel rows, (cells, rows); ``across``, (cells, columns).
    :returns: (cells, rows, columns).
    """
    top_left, bottom_left, top_right, bottom_right = corners[:, :, None]
    top = top_left + (top_right - top_left) * across
    change = bottom_left + (bottom_right - bottom_left) * across
    change -= top
    values = change[:, None] * down[:, :, None]
    values += top[:, None]
    return values


class _Axis:
    """
    How the output's pixels lie between the grid's points, along one axis.

    ``cell``: for each pixel the grid point before it. For each cell ``low`` and ``high``, its
    points; ``used``, whether a pixel lies in it; ``pixel`` and ``weight``, (cells, pixels of the
    fullest cell), its pixels and their distance from ``low``, the last one repeated.
    """

    def __init__(self, points: int, pixels: int) -> None:
        place = (np.arange(pixels, dtype=np.float64) + 0.5) * points / pixels - 0.5
        place = np.clip(place, 0, points - 1)
        self.cell = np.minimum(place.astype(np.intp), max(points - 2, 0))
        self.low = np.arange(max(points - 1, 1), dtype=np.intp)
        self.high = np.minimum(self.low + 1, points - 1)
        counts = np.bincount(self.cell, minlength=len(self.low))
        self.used = counts > 0
        starts = np.cumsum(counts) - counts
        steps = np.minimum(np.arange(counts.max()), np.maximum(counts - 1, 0)[:, None])
        self.pixel = np.minimum(starts[:, None] + steps, pixels - 1)
        self.weight = (place - self.cell)[self.pixel].astype(np.float32)


def argmax(scores: Iterable[np.ndarray]) -> np.ndarray:
    """
    Return the winning class of each point, (rows, columns) uint8; the first of equals.

    :param scores: planes (rows, columns) float32, one for each class.
    """
    planes = iter(scores)
    best = next(planes).copy()
    ids, better = np.zeros(best.shape, np.uint8), np.empty(best.shape, bool)
    for number, plane in enumerate(planes, start=1):
        np.greater(plane, best, out=better)
        np.copyto(ids, np.uint8(number), where=better)
        np.maximum(best, plane, out=best)
    return ids


def winning_probability(scores: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the softmax of the winning class at each point, (rows, columns) float32."""
    shifted = scores - scores.max(axis=0)
    if temperature != 1.0:
        shifted /= np.float32(temperature)
    return 1.0 / np.exp(shifted, out=shifted).sum(axis=0)
