"""The map itself: evidence for each class, cell by cell, of everything that was seen."""
from __future__ import annotations

from typing import Iterator, NamedTuple, Optional, Tuple

import numpy as np

from effvit_ros.core.classes import IGNORE
from effvit_ros.core.errors import UserError
from effvit_ros.mapping.projection import Footprint, Grid, sampled_labels, sampled_picture
from effvit_ros.mapping.tiles import Key, TILE, Tile, TileStore

#: Evidence of each class before anything was seen, in weights of a perfect look: few looks make
#: little confidence.
PRIOR = 0.02
#: South row, west column, rows, columns.
Bounds = Tuple[int, int, int, int]
#: Rows and columns of an array.
Window = Tuple[slice, slice]


class Fused(NamedTuple):
    """
    The fused map of a block of cells; row 0 is the south.

    ``labels``: (H, W) uint8, :data:`IGNORE` where unseen. ``confidence``: (H, W) uint8, 0..255:
    the expected share of the class by the Dirichlet posterior.
    """

    labels: np.ndarray
    confidence: np.ndarray


class GroundGrid:
    """
    Adds views and gives the fused map.

    Each cell counts evidence for each class (the parameters of a Dirichlet distribution):
    a look adds its weight, the product of the network's confidence, the cosine of the viewing
    angle and how fine the pixels are, to the class that was seen.
    """

    def __init__(self, store: TileStore[Tile], grid: Grid) -> None:
        """Lay the map into a :class:`~effvit_ros.mapping.tiles.TileStore`."""
        self.store = store
        self.grid = grid

    def add(self, place: Footprint, labels: np.ndarray, confidence: Optional[np.ndarray],
            bgr: Optional[np.ndarray], milliseconds: int) -> np.ndarray:
        """
        Add one view.

        :param place: :class:`~effvit_ros.mapping.projection.Footprint`.
        :param labels: (height, width) uint8 of the picture.
        :param confidence: as ``labels``, 0..255, or None.
        :param bgr: (height, width, 3) uint8, or None for a map without pictures.
        :param milliseconds: since the map's begin, from 0.
        :returns: the labels of the box's cells, (H, W) uint8.
        """
        found, weight = sampled_labels(labels, confidence, place)
        picture = None if bgr is None else sampled_picture(bgr, place)
        time = np.uint32(milliseconds + 1)
        for key, there, here in tile_windows(place.row, place.column, *found.shape):
            part, evidence = found[here], weight[here]
            seen = evidence > 0
            if not seen.any():
                continue
            tile = self.store.get(key, change=True)
            for label in np.unique(part[seen]):
                if label >= len(tile.evidence):
                    continue
                of_class = np.where(part == label, evidence, np.float32(0))
                tile.evidence[label][there] += of_class
            self._time(tile, there, seen, time)
            if picture is not None:
                best = tile.best[there]
                better = place.weight[here] > best
                best[better] = place.weight[here][better]
                tile.picture[there][better] = picture[here][better]
        return found

    @staticmethod
    def _time(tile: Tile, there: Window, seen: np.ndarray, time: np.uint32) -> None:
        first, last = tile.first[there], tile.last[there]
        first[seen & ((first == 0) | (first > time))] = time
        last[seen & (last < time)] = time

    def fused_tile(self, key: Key) -> Fused:
        """Return the :class:`Fused` map of one tile."""
        return fused(self.store.get(key).evidence)

    def bounds(self) -> Bounds:
        """
        Return (south row, west column, rows, columns) of all tiles.

        :raises UserError: the map is empty.
        """
        keys = self.store.keys()
        if not keys:
            raise UserError('the map is empty: no picture on the ground has a label that counts '
                            '(255 is none, nor is one without confidence)')
        rows, columns = zip(*keys)
        south, west = min(rows) * TILE, min(columns) * TILE
        return (south, west, (max(rows) + 1) * TILE - south, (max(columns) + 1) * TILE - west)


def fused(evidence: np.ndarray) -> Fused:
    """Return the :class:`Fused` map of evidence (classes, H, W)."""
    total = evidence.sum(0)
    labels = evidence.argmax(0).astype(np.uint8)
    best = np.take_along_axis(evidence, labels[None].astype(np.intp), 0)[0]
    confidence = (best + PRIOR) / (total + PRIOR * len(evidence))
    seen = total > 0
    labels[~seen] = IGNORE
    return Fused(labels, np.where(seen, np.rint(confidence * 255), 0).astype(np.uint8))


def tile_windows(row: int, column: int, height: int,
                 width: int) -> Iterator[Tuple[Key, Window, Window]]:
    """
    Yield (key, slices in the tile, slices in the box) of the tiles that a box of cells meets.

    :param row, column: the box's south-west cell.
    """
    for tile_row in range(row // TILE, (row + height - 1) // TILE + 1):
        low = max(row, tile_row * TILE)
        high = min(row + height, (tile_row + 1) * TILE)
        for tile_column in range(column // TILE, (column + width - 1) // TILE + 1):
            left = max(column, tile_column * TILE)
            right = min(column + width, (tile_column + 1) * TILE)
            yield ((tile_row, tile_column),
                   np.s_[low - tile_row * TILE:high - tile_row * TILE,
                         left - tile_column * TILE:right - tile_column * TILE],
                   np.s_[low - row:high - row, left - column:right - column])
