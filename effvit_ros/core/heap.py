"""
The C library's heap, set for processes that run for hours (mallopt(3)).

Both settings are glibc's and hold for the whole process; with another C library nothing is done.
"""
from __future__ import annotations

import ctypes

#: mallopt's numbers.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
#: Bytes from which on a block goes back to the system as soon as it is freed: a tile of a map
#: holds larger ones, most views smaller ones.
_LARGE_BLOCK = 1 << 20
#: Heaps that all threads share; of its own glibc gives each of the node's thirty threads one.
_ARENAS = 2


def give_large_blocks_back() -> None:
    """
    Have large blocks returned to the system when they are freed.

    glibc raises its threshold as such blocks come and go, so that they leave holes in the heap
    instead: a third of the mapper's memory after a few minutes.
    """
    _mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)


def share_heaps() -> None:
    """Have all threads that start from now on share a few heaps."""
    _mallopt(_M_ARENA_MAX, _ARENAS)


def _mallopt(parameter: int, value: int) -> None:
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:
        mallopt(parameter, value)
