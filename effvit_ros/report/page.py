"""What a report shows to readers, whether it is written as Markdown or as HTML."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, NamedTuple, Optional, Sequence, Tuple, Union


class Table(NamedTuple):
    """
    A table under a title.

    ``numbers`` tells which columns are right-aligned. The first column's texts may have a
    colour (``swatches``: text -> #rrggbb) and a page that they lead to (``links``).
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int] = ()
    note: str = ''
    swatches: Mapping[str, str] = {}
    links: Mapping[str, str] = {}
    warns: bool = False
    kind: str = 'table'


class Figure(NamedTuple):
    """A picture under a title: the bytes of a ``png`` or ``jpeg``."""

    title: str
    content: bytes
    form: str = 'png'
    note: str = ''
    #: A file next to the report with the same picture; Markdown shows it.
    file: str = ''
    kind: str = 'figure'


class Text(NamedTuple):
    """A paragraph under a title."""

    title: str
    note: str
    kind: str = 'text'


#: What a page is made of.
Item = Union[Table, Figure, Text]


class Page(NamedTuple):
    """A title, the figures that matter most as (name, value) pairs, then the rest."""

    title: str
    headline: Sequence[Tuple[str, str]]
    items: Sequence[Item]


def table_of(title: str, rows: Sequence[Mapping[str, Any]], note: str = '') -> Table:
    """
    Return a table with a column for each key, in the order in which keys first occur.

    Floats have three digits after the point; what a row lacks is a dash.
    """
    header = list(dict.fromkeys(key for row in rows for key in row))
    return Table(title, header, [[_cell(row.get(key)) for key in header] for row in rows],
                 range(1, len(header)), note)


def figure_of(title: str, path: Path, note: str = '') -> Figure:
    """Return the figure in a PNG or JPEG file that will lie next to the report."""
    form = 'jpeg' if path.suffix in ('.jpg', '.jpeg') else 'png'
    return Figure(title, path.read_bytes(), form, note, path.name)


def score(value: Optional[float]) -> str:
    """Return a score of 0..1 with three digits, or a dash."""
    return '-' if value is None else f'{value:.3f}'


def percent(value: Optional[float]) -> str:
    """Return a share in percent, or a dash."""
    return '-' if value is None else f'{value:.2%}'


def milliseconds(value: Optional[float]) -> str:
    """Return a duration with one digit, two below ten, or a dash."""
    if value is None:
        return '-'
    return f'{value:.1f}' if value >= 10 else f'{value:.2f}'


def _cell(value: object) -> str:
    if value is None:
        return '-'
    return f'{value:.3f}' if isinstance(value, float) else str(value)
