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
"""
from __future__ import annotations

import cv2
import numpy as np

#: Pixels that are interpolated in one go, which bounds the memory that a noisy picture takes.
CHUNK = 1 << 18


class Tail:
    """
    Labels and confidence at one picture size, from scores of one grid size.

    Made once for a size and used for each frame; not for several threads at once.
    """

    def __init__(self, grid, size):
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

    def labels(self, scores):
        """
        Return the class ids, (height, width) uint8, valid until the next call.

        :param scores: (classes, rows, columns) float32.
        """
        winners = argmax(scores)
        np.take(winners, self._columns.cell, axis=1, out=self._coarse)
        np.take(self._coarse, self._rows.cell, axis=0, out=self._labels)
        rows, columns = self._rows, self._columns
        mixed = np.zeros((max(self.grid[0] - 1, 1), max(self.grid[1] - 1, 1)), bool)
        first = winners[rows.low][:, columns.low]
        for below, right in ((rows.high, columns.low), (rows.low, columns.high),
                             (rows.high, columns.high)):
            mixed |= winners[below][:, right] != first
        mixed &= rows.used[:, None] & columns.used[None]
        cells = np.flatnonzero(mixed)
        if cells.size:
            flat = scores.reshape(len(scores), -1)
            count = max(1, CHUNK // (len(rows.pixel) * len(columns.pixel)))
            for start in range(0, cells.size, count):
                self._interpolate(flat, cells[start:start + count], mixed.shape[1])
        return self._labels

    def confidence(self, scores, temperature=1.0):
        """
        Return the probability of the winning class, (height, width) uint8: 255 is 1.

        It is the softmax of ``scores / temperature`` at the grid, interpolated between its
        points. Valid until the next call.
        """
        coarse = np.rint(255 * winning_probability(scores, temperature)).astype(np.uint8)
        return cv2.resize(coarse, self.size[::-1], dst=self._confidence,
                          interpolation=cv2.INTER_LINEAR)

    def _interpolate(self, flat, cells, columns):
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
        cell, number = np.nonzero((most >= least).T)  # by cell, then by class
        counts = np.bincount(cell, minlength=cells.size)
        starts = np.cumsum(counts) - counts
        for count in np.flatnonzero(np.bincount(counts)):
            group = np.flatnonzero(counts == count)
            classes = number[starts[group] + np.arange(count)[:, None]]  # (count, cells)
            down, across = rows.weight[:, row[group]], cols.weight[:, column[group]]
            best, ids = None, np.broadcast_to(
                classes[0].astype(np.uint8), (len(down), len(across), group.size))
            for candidate in classes:
                values = _mix([corner[candidate, group] for corner in corners], down, across)
                if best is None:
                    best = values
                    continue
                better = values > best
                ids = np.where(better, candidate.astype(np.uint8), ids)
                np.maximum(best, values, out=best)
            where = (rows.pixel[:, row[group]] * self.size[1])[:, None] \
                + cols.pixel[:, column[group]]
            self._labels.reshape(-1)[where] = ids


def _mix(corners, down, across):
    """
    Interpolate one score in each cell.

    :param corners: top left, bottom left, top right, bottom right, (cells,) each.
    :param down: weights of the pixel rows, (rows, cells); ``across``, (columns, cells).
    :returns: (rows, columns, cells).
    """
    top_left, bottom_left, top_right, bottom_right = corners
    left = top_left + (bottom_left - top_left) * down
    right = top_right + (bottom_right - top_right) * down
    values = (right - left)[:, None] * across
    values += left[:, None]
    return values


class _Axis:
    """
    How the output's pixels lie between the grid's points, along one axis.

    ``cell``: for each pixel the grid point before it. For each cell ``low`` and ``high``, its
    points; ``used``, whether a pixel lies in it; ``pixel`` and ``weight``, (pixels of the fullest
    cell, cells), its pixels and their distance from ``low``, the last one repeated.
    """

    def __init__(self, points, pixels):
        place = (np.arange(pixels, dtype=np.float64) + 0.5) * points / pixels - 0.5
        place = np.clip(place, 0, points - 1)
        self.cell = np.minimum(place.astype(np.intp), max(points - 2, 0))
        self.low = np.arange(max(points - 1, 1), dtype=np.intp)
        self.high = np.minimum(self.low + 1, points - 1)
        counts = np.bincount(self.cell, minlength=len(self.low))
        self.used = counts > 0
        starts = np.cumsum(counts) - counts
        steps = np.minimum(np.arange(counts.max())[:, None], np.maximum(counts - 1, 0))
        self.pixel = np.minimum(starts + steps, pixels - 1)
        self.weight = (place - self.cell)[self.pixel].astype(np.float32)


def argmax(scores):
    """Return the winning class of each point, (rows, columns) uint8; the first of equals."""
    best = scores[0].copy()
    ids = np.zeros(best.shape, np.uint8)
    for number in range(1, len(scores)):
        ids[scores[number] > best] = number
        np.maximum(best, scores[number], out=best)
    return ids


def winning_probability(scores, temperature=1.0):
    """Return the softmax of the winning class at each point, (rows, columns) float32."""
    shifted = scores - scores.max(axis=0)
    if temperature != 1.0:
        shifted /= np.float32(temperature)
    return 1.0 / np.exp(shifted, out=shifted).sum(axis=0)
