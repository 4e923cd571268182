"""Tiles of the map: the newest used in memory, the rest on disk, with checkpoints."""
from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from typing import Callable, Dict, Generic, List, NamedTuple, Sequence, Set, Tuple, TypeVar, Union

import numpy as np

from effvit_ros.core.errors import UserError

#: Cells of a tile's side.
TILE = 256
#: (row, column) of a tile.
Key = Tuple[int, int]
#: What a store holds: a NamedTuple of arrays.
Kind = TypeVar('Kind', bound='NamedTuple')


class Tile(NamedTuple):
    """
    What is known of TILE x TILE cells; row 0 is the south.

    ``evidence``: (classes, T, T) float32, the sum of weights. ``picture``: (T, T, 3) uint8 BGR
    of the best view, whose weight is ``best`` (T, T) float32. ``first``, ``last``: (T, T)
    uint32, milliseconds since the map's begin, plus one; 0: never.
    """

    evidence: np.ndarray
    picture: np.ndarray
    best: np.ndarray
    first: np.ndarray
    last: np.ndarray


def empty_tile(classes: int) -> Tile:
    """Return a :class:`Tile` that nobody has seen."""
    square = (TILE, TILE)
    return Tile(np.zeros((classes, *square), np.float32), np.zeros((*square, 3), np.uint8),
                np.zeros(square, np.float32), np.zeros(square, np.uint32),
                np.zeros(square, np.uint32))


class TileStore(Generic[Kind]):
    """
    Tiles by (row, column); at most ``limit_mb`` of them in memory.

    Files carry the number of the checkpoint that they belong to, so that what was written
    after the last checkpoint is never taken for a part of it.
    """

    def __init__(self, folder: Union[str, Path], empty: Callable[[], Kind],
                 limit_mb: int = 256) -> None:
        """
        Start empty in ``folder``, which is made.

        :param empty: returns a new tile, a NamedTuple of arrays.
        :param limit_mb: megabytes; two tiles stay in memory at least.
        """
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._empty = empty
        first = empty()
        self._kind = type(first)
        bytes_each = sum(a.nbytes for a in first)
        self._limit = max(2, limit_mb * 2 ** 20 // bytes_each)
        self._memory: OrderedDict[Key, Kind] = OrderedDict()
        self._dirty: Set[Key] = set()
        self._written: Dict[Key, int] = {}
        self._generation = 0

    def keys(self) -> List[Key]:
        """Return the (row, column) of every tile in order."""
        return sorted(set(self._memory) | set(self._written))

    def get(self, key: Key, change: bool = False) -> Kind:
        """
        Return the tile at (row, column); a new one is empty.

        :param change: the caller writes into it.
        """
        tile = self._memory.get(key)
        if tile is None:
            tile = self._read(key) if key in self._written else self._empty()
            self._memory[key] = tile
            while len(self._memory) > self._limit:
                oldest, gone = self._memory.popitem(last=False)
                self._write(oldest, gone)
        else:
            self._memory.move_to_end(key)
        if change:
            self._dirty.add(key)
        return tile

    def checkpoint(self) -> List[List[int]]:
        """
        Write all and return the state, JSON's types, that :meth:`resume` takes.

        Files of older states stay until :meth:`settle`.
        """
        for key, tile in self._memory.items():
            self._write(key, tile)
        state = [[*key, generation] for key, generation in sorted(self._written.items())]
        self._generation += 1
        return state

    def settle(self) -> None:
        """Remove the files that the last checkpoint, now safely noted, does not need."""
        wanted = {self._file(key, generation) for key, generation in self._written.items()}
        for path in self._folder.glob('*.npz'):
            if path not in wanted:
                path.unlink()

    def resume(self, state: Sequence[Tuple[int, int, int]]) -> None:
        """Take up a state of :meth:`checkpoint`; UserError where a file is missing."""
        self._memory.clear()
        self._dirty.clear()
        self._written = {(row, column): generation for row, column, generation in state}
        self._generation = 1 + max(self._written.values(), default=-1)
        for key, generation in self._written.items():
            if not self._file(key, generation).is_file():
                raise UserError(f'{self._file(key, generation)}: missing: start afresh')
        self.settle()

    def _file(self, key: Key, generation: int) -> Path:
        return self._folder / f'{key[0]}_{key[1]}.{generation}.npz'

    def _read(self, key: Key) -> Kind:
        path = self._file(key, self._written[key])
        try:
            with np.load(path, allow_pickle=False) as file:
                return self._kind(*(file[name] for name in self._kind._fields))
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f'{path}: cannot be read ({type(error).__name__}): start '
                            'afresh') from None

    def _write(self, key: Key, tile: Kind) -> None:
        if key not in self._dirty:
            return
        path = self._file(key, self._generation)
        temporary = path.with_suffix('.tmp')
        try:
            with open(temporary, 'wb') as file:
                np.savez(file, **tile._asdict())
            os.replace(temporary, path)
        except OSError as error:
            raise UserError(f'{path}: cannot be written: {error.strerror}') from None
        self._written[key] = self._generation
        self._dirty.discard(key)
