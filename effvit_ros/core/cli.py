"""Argument types that several commands share, each refusing with what to give instead."""
from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Callable, List, Tuple, TypeVar

_Number = TypeVar('_Number', int, float)


def positive(text: str) -> float:
    """Return a float above 0."""
    return _number(text, float, lambda value: 0 < value < 1e9, 'a number above 0, below 1e9')


def seconds(text: str) -> float:
    """Return a float of 0 or more."""
    return _number(text, float, lambda value: 0 <= value < 1e9, 'seconds, 0 or more, below 1e9')


def stamp(text: str) -> float:
    """Return seconds that a ROS stamp can hold."""
    return _number(text, float, lambda value: 0 <= value < 2**31 - 1,
                   'seconds, 0 to 2147483647')


def count(text: str) -> int:
    """Return an int of 0 or more."""
    return _number(text, int, lambda value: 0 <= value < 1e9, 'a whole number, 0 or more')


def count_from_one(text: str) -> int:
    """Return an int of 1 or more."""
    return _number(text, int, lambda value: 1 <= value < 1e9, 'a whole number above 0')


def size(text: str) -> Tuple[int, int]:
    """Return (width, height), ints of 1 or more, of a text like 640x480."""
    wanted = 'WIDTHxHEIGHT, for example 640x480'
    parts = text.lower().split('x')
    if len(parts) != 2:
        raise ArgumentTypeError(f'{text}: give {wanted}')
    width, height = (_number(part, int, lambda side: side >= 1, wanted) for part in parts)
    return width, height


def sizes(text: str) -> List[Tuple[int, int]]:
    """Return a list of (width, height) of a text like 640x480,1280x720."""
    return [size(part) for part in text.split(',')]


def _number(text: str, kind: Callable[[str], _Number], allowed: Callable[[_Number], bool],
            wanted: str) -> _Number:
    try:
        value = kind(text)
    except ValueError:
        raise ArgumentTypeError(f'{text}: give {wanted}') from None
    if not allowed(value):  # a NaN is neither
        raise ArgumentTypeError(f'{text}: give {wanted}')
    return value
