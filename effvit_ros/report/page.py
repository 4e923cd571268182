"""What a report shows to readers, whether it is written as Markdown or as HTML."""
from __future__ import annotations

from typing import Mapping, NamedTuple, Sequence, Tuple, Union


class Table(NamedTuple):
    """
    A table under a title.

    ``numbers`` tells which columns are right-aligned. The first column's texts may have a
    colour (``swatches``: text -> #rrggbb) and a page that they lead to (``links``).
    """

    title: str
    header: Tuple[str, ...]
    rows: Sequence[Sequence[str]]
    numbers: Tuple[int, ...] = ()
    note: str = ''
    swatches: Mapping[str, str] = {}
    links: Mapping[str, str] = {}
    warns: bool = False


class Figure(NamedTuple):
    """A picture under a title: the bytes of a ``png`` or ``jpeg``."""

    title: str
    content: bytes
    form: str = 'png'
    note: str = ''
    #: A file beside the report with the same picture; Markdown shows it.
    file: str = ''


class Page(NamedTuple):
    """A title, the figures that matter most as (name, value) pairs, then tables and pictures."""

    title: str
    headline: Sequence[Tuple[str, str]]
    items: Sequence[Union[Table, Figure]]


def score(value):
    """Return a score of 0..1 with three digits, or a dash."""
    return '-' if value is None else f'{value:.3f}'


def percent(value):
    """Return a share in percent, or a dash."""
    return '-' if value is None else f'{value:.2%}'


def milliseconds(value):
    """Return a duration with one digit, two below ten, or a dash."""
    if value is None:
        return '-'
    return f'{value:.1f}' if value >= 10 else f'{value:.2f}'
