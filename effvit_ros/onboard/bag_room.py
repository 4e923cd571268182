"""
The folder of a vehicle's recordings and the room that they may take.

Recordings are numbered, not dated: a board without a battery clock has yesterday's date again.
Only what is called as the recordings are is counted and deleted.
"""
from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Callable, List, Pattern, Protocol, Tuple, Union

from effvit_ros.core.errors import UserError

_BAG = re.compile(r'flight_(\d{4,})\Z')
_SPLIT = re.compile(r'flight_\d{4,}_(\d+)\.(mcap|db3)\Z')
_MB = 1_000_000


class Usage(Protocol):
    """What :func:`shutil.disk_usage` returns, as far as it is looked at."""

    @property
    def free(self) -> int:
        """Return the free bytes."""


class BagRoom:
    """Finds room for one recording among the earlier ones."""

    def __init__(self, folder: Union[str, Path], max_total_mb: int, min_free_mb: int,
                 disk_usage: Callable[[Path], Usage] = shutil.disk_usage) -> None:
        """
        Look after ``folder``, which exists.

        :param max_total_mb: what all recordings may take, in 10^6 bytes; 0: no limit.
        :param min_free_mb: what stays free on the disk, in 10^6 bytes; 0: no limit.
        :param disk_usage: called with the folder, returns an object with ``free`` in bytes.
        """
        self._folder = Path(folder)
        self._max_total = max_total_mb * _MB
        self._min_free = min_free_mb * _MB
        self._disk_usage = disk_usage

    def next_bag(self) -> Path:
        """Return the path of the next recording; its number is above all earlier ones."""
        bags = self.bags()
        number = _number(_BAG, bags[-1]) + 1 if bags else 1
        return self._folder / f'flight_{number:04d}'

    def bags(self) -> List[Path]:
        """Return the recordings' folders, oldest first."""
        found = [f for f in self._folder.iterdir() if _BAG.match(f.name) and f.is_dir()]
        return sorted(found, key=lambda f: _number(_BAG, f))

    def excess(self) -> int:
        """Return how many bytes too many there are; 0 or less is none."""
        excesses = [0]
        if self._max_total:
            size = sum(_size(file) for bag in self.bags() for file in bag.iterdir())
            excesses.append(size - self._max_total)
        if self._min_free:
            excesses.append(self._min_free - self._disk_usage(self._folder).free)
        return max(excesses)

    def make_room(self, current: Path) -> Tuple[List[Path], bool]:
        """
        Delete the oldest recordings, then the oldest files of ``current``, until there is room.

        The newest file of ``current`` is being written and stays.

        :param current: folder of the recording that is under way.
        :returns: (deleted paths, whether there is room now).
        :raises UserError: one of them can't be deleted.
        """
        deleted = []
        for oldest in self._deletable(current):
            if self.excess() <= 0:
                break
            try:
                if oldest.is_dir():
                    shutil.rmtree(oldest)
                else:
                    oldest.unlink()
            except OSError as error:
                raise UserError(f'{oldest}: cannot be deleted: {error.strerror}') from None
            deleted.append(oldest)
        return deleted, self.excess() <= 0

    def _deletable(self, current: Path) -> List[Path]:
        """Return what may be deleted, oldest first."""
        current = Path(current)
        splits = sorted((f for f in (current.iterdir() if current.is_dir() else ())
                         if _SPLIT.match(f.name)), key=lambda f: _number(_SPLIT, f))
        return [bag for bag in self.bags() if bag.name != current.name] + splits[:-1]


def _number(pattern: Pattern[str], file: Path) -> int:
    """Return the number in a name, -1 where the name has none."""
    found = pattern.match(file.name)
    return int(found.group(1)) if found else -1


def _size(file: Path) -> int:
    """Return a file's size in bytes; 0 for one that the recorder has just renamed."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
