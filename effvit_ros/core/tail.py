"""
The segmenter's tail: from the network's scores to labels and confidence at the picture's size.

The graph ends at scores on a coarse grid (a quarter of its input). A picture's labels are the
argmax of the bilinear interpolation of those scores (half-pixel centres, edges clamped, as ONNX's
``Resize`` and torch's ``interpolate(align_corners=False)``). Computing that for every pixel and
class would cost more than the network. Two facts make it exact and cheap:

- Within a cell of the grid every interpolated score is a convex mix of the four at its corners.
  Where the same class wins at all four, it wins everywhere in the cell.
- In the other cells (about one in twelve on photographs) a class whose best corner is below
  another's worst corner can't win. Two are left nearly always: the sign of their difference, which
  is bilinear too, tells which of them wins.

A picture of noise has no such cells; there every pixel and class is interpolated after all.
"""
from __future__ import annotations

from typing import Iterable, NamedTuple, Sequence, Tuple

import cv2
import numpy as np

#: Pixels that are interpolated in one go: what they need stays in the processor's cache.
CHUNK = 1 << 17
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
        rows, columns = self._rows, self._columns
        # With mode clip, take writes straight into its output.
        np.take(winners, columns.before, axis=1, out=self._coarse, mode='clip')
        np.take(self._coarse, rows.before, axis=0, out=self._labels, mode='clip')
        left, right = winners[:, columns.low], winners[:, columns.high]
        first = left[rows.low]
        mixed = left[rows.high] != first
        mixed |= right[rows.low] != first
        mixed |= right[rows.high] != first
        if np.count_nonzero(mixed) > NOISY * mixed.size:
            self._labels[...] = argmax(
                cv2.resize(plane, self.size[::-1], interpolation=cv2.INTER_LINEAR)
                for plane in scores)
            return self._labels
        mixed &= rows.used[:, None]
        mixed &= columns.used
        cells = np.flatnonzero(mixed)
        flat = scores.reshape(len(scores), -1)
        count = max(1, CHUNK // (rows.most * columns.most))
        for start in range(0, cells.size, count):
            self._interpolate(flat, cells[start:start + count])
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

    def _interpolate(self, flat: np.ndarray, cells: np.ndarray) -> None:
        """Label the pixels of ``cells``, whose corners disagree."""
        rows, cols = self._rows, self._columns
        row, column = np.divmod(cells, len(cols.low))
        top, bottom = rows.low[row] * self.grid[1], rows.high[row] * self.grid[1]
        left, right = cols.low[column], cols.high[column]
        # (classes, cells) at each corner: top left, bottom left, top right, bottom right.
        corners = [np.take(flat, index, axis=1) for index in (
            top + left, bottom + left, top + right, bottom + right)]
        least = np.minimum(np.minimum(corners[0], corners[1]),
                           np.minimum(corners[2], corners[3])).max(axis=0)
        most = np.maximum(np.maximum(corners[0], corners[1]),
                          np.maximum(corners[2], corners[3]))
        # Who may win, by cell, then by class.
        cell, number = np.nonzero(np.ascontiguousarray((most >= least).T))
        rivals = _Rivals(np.stack([corner[number, cell] for corner in corners]),
                         number.astype(np.uint8))
        counts = np.bincount(cell, minlength=cells.size)
        first = np.cumsum(counts) - counts
        down, across = rows.weight[:, row], cols.weight[:, column]
        ids = rivals.duel(first, first + (counts > 1), down, across)
        several = np.flatnonzero(counts > 2)
        if several.size:
            ids[:, :, several] = rivals.contest(
                first[several], counts[several], down[:, several], across[:, several])
        where = (rows.pixel[row] * self.size[1])[:, :, None] + cols.pixel[column][:, None]
        # Cell by cell, so that what is written lies together.
        self._labels.reshape(-1)[where] = np.ascontiguousarray(ids.transpose(2, 0, 1))


class _Rivals(NamedTuple):
    """
    The classes that may win in some cells, those of one cell behind each other.

    ``scores``: (4, rivals) float32 at top left, bottom left, top right, bottom right; ``ids``:
    (rivals,) uint8. In the methods ``first`` is the place of each cell's first rival, ``down``
    the weights of its rows of pixels, (rows, cells), ``across`` those of its columns, (columns,
    cells); they return the winners, (rows, columns, cells) uint8, the first of equals.
    """

    scores: np.ndarray
    ids: np.ndarray

    def duel(self, first: np.ndarray, second: np.ndarray, down: np.ndarray,
             across: np.ndarray) -> np.ndarray:
        """Set two rivals against each other."""
        top, change = _edges(self.scores[:, second] - self.scores[:, first], across)
        # The second one wins where top + change * down > 0.
        np.negative(top, out=top)
        rise = np.empty_like(top)
        winners = np.empty((len(down), *top.shape), np.uint8)
        for weight, row in zip(down, winners):
            np.greater(np.multiply(change, weight, out=rise), top, out=row.view(bool))
        one = self.ids[first]
        winners *= one ^ self.ids[second]  # from wins to ids
        winners ^= one
        return winners

    def contest(self, first: np.ndarray, counts: np.ndarray, down: np.ndarray,
                across: np.ndarray) -> np.ndarray:
        """Set ``counts`` rivals in each cell against each other, one after the other."""
        best = self._mixed(first, down, across)
        winners = np.empty(best.shape, np.uint8)
        winners[...] = self.ids[first]
        for rank in range(1, counts.max()):
            rival = first + np.minimum(rank, counts - 1)
            values = self._mixed(rival, down, across)
            np.copyto(winners, self.ids[rival], where=values > best)
            np.maximum(best, values, out=best)
        return winners

    def _mixed(self, rival: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
        """Interpolate the scores of one rival in each cell."""
        top, change = _edges(self.scores[:, rival], across)
        values: np.ndarray = change * down[:, None]
        values += top
        return values


def _edges(corners: np.ndarray, across: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """
    Interpolate along the upper edge of cells; return that and what the lower edge has more.

    :param corners: (4, cells): top left, bottom left, top right, bottom right.
    :param across: weights of the pixel columns, (columns, cells).
    """
    top_left, bottom_left, top_right, bottom_right = corners
    top = top_left + (top_right - top_left) * across
    return top, bottom_left + (bottom_right - bottom_left) * across - top


class _Axis:
    """
    How the output's pixels lie between the grid's points, along one axis.

    A cell lies between two points, the first one before the first point and the last one behind
    the last: outside the scores stay as they are at the edge. ``before``: for each pixel the point
    before it. For each cell ``low`` and ``high``, its points; ``used``, whether a pixel lies in
    it; ``pixel``, (cells, pixels of the fullest, ``most``), its pixels, and ``weight``, (most,
    cells), their distance from ``low``, the last pixel repeated.
    """

    def __init__(self, points: int, pixels: int) -> None:
        place = (np.arange(pixels, dtype=np.float64) + 0.5) * points / pixels + 0.5
        cell = place.astype(np.intp)
        cells = np.arange(points + 1)
        self.low = np.maximum(cells - 1, 0)
        self.high = np.minimum(cells, points - 1)
        self.before = self.low[cell]
        counts = np.bincount(cell, minlength=points + 1)
        self.used = counts > 0
        self.most = int(counts.max())
        starts = np.cumsum(counts) - counts
        steps = np.minimum(np.arange(self.most), np.maximum(counts - 1, 0)[:, None])
        self.pixel = np.minimum(starts[:, None] + steps, pixels - 1)
        self.weight = np.ascontiguousarray((place - cell).astype(np.float32)[self.pixel].T)


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
