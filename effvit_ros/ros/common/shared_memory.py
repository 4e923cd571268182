"""
Shared memory that processes left behind when they were killed.

Each participant of Fast DDS makes a segment in /dev/shm, 64 MB with the shipped profile, which
nobody removes after ``kill -9``: a node that is respawned often enough would fill the memory.
"""
from __future__ import annotations

import fcntl
import os
import re
import time
from pathlib import Path
from typing import Union

FOLDER = '/dev/shm'
#: A segment; its lock is the file of the same name with this ending.
_SEGMENT = re.compile(r'fast(dds|rtps)_[0-9a-f]{16}')
_LOCK_ENDING = '_el'
#: Seconds that a lock's file must have been there: a younger one may be about to be locked.
_AGE_S = 5.0


def remove_left_behind(folder: Union[str, Path] = FOLDER) -> int:
    """
    Remove the segments that no process holds, as ``fastdds shm clean`` does.

    A living owner keeps its lock file locked. What is not ours to remove stays.

    :returns: how many were removed.
    """
    removed = 0
    for segment in Path(folder).glob('fast*'):
        if _SEGMENT.fullmatch(segment.name) and _is_left_behind(segment):
            try:
                segment.unlink()
                _lock_of(segment).unlink()
            except OSError:  # another user's, or just removed by another process
                continue
            removed += 1
    return removed


def _lock_of(segment: Path) -> Path:
    return segment.with_name(segment.name + _LOCK_ENDING)


def _is_left_behind(segment: Path) -> bool:
    try:
        descriptor = os.open(str(_lock_of(segment)), os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return time.time() - os.fstat(descriptor).st_mtime > _AGE_S
    except OSError:
        return False
    finally:
        os.close(descriptor)
