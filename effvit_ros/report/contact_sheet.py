"""Frames worth a look, one row each: picture, truth, labels, overlay, with the colours named."""
from __future__ import annotations

from typing import Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

import cv2
import numpy as np

#: Name of the sheet's file next to a report.
CONTACT_SHEET = 'contact_sheet.jpg'

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GAP = 10
_LINE = 24
_PAPER, _INK, _FAINT = (255, 255, 255), (40, 40, 40), (110, 110, 110)
_WRONG = (40, 40, 230)
_IGNORE = 255


class Row(NamedTuple):
    """A caption and its pictures with their names, each (H, W, 3) uint8 BGR of any size."""

    caption: str
    pictures: Sequence[Tuple[str, np.ndarray]]


def contact_sheet(rows: Sequence[Row], names: Sequence[str], palette: np.ndarray,
                  ids: Sequence[int] = (), title: str = '', subtitle: str = '',
                  tile_width: int = 320) -> np.ndarray:
    """
    Draw the rows, at least one, under a title and above a legend.

    :param names: class names in id order.
    :param palette: (classes, 3) uint8 RGB.
    :param ids: the classes that the legend names.
    :param tile_width: to which every picture is scaled, in pixels.
    :returns: (H, W, 3) uint8 BGR.
    """
    blocks = [_row(row, tile_width) for row in rows]
    columns = max(len(row.pictures) for row in rows)
    width = max(_GAP + columns * (tile_width + _GAP), 2 * tile_width)
    head = _head(title, subtitle, width) if title else None
    legend = _legend([i for i in ids if i < len(names)], names, palette, width)
    return np.vstack([_widened(block, width) for block in (head, *blocks, legend)
                      if block is not None])


def errors_picture(picture: np.ndarray, labels: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return ``picture`` (BGR) in pale grey; red is wrong in ``labels``, dark is ignored."""
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    panel = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR) // 2 + 96
    ignored = truth == _IGNORE
    wrong = (truth != labels) & ~ignored
    panel[wrong] = panel[wrong] // 4 + np.array(_WRONG, np.uint8) // 4 * 3
    panel[ignored] //= 3
    return panel


def classes_in(label_maps: Iterable[Optional[np.ndarray]]) -> List[int]:
    """Return the ids that occur in any of these label maps, ascending; None is skipped."""
    seen: Set[int] = set()
    for labels in label_maps:
        if labels is not None:
            seen |= set(np.unique(labels).tolist())
    return sorted(seen - {_IGNORE})


def _row(row: Row, tile_width: int) -> np.ndarray:
    heights = [max(1, round(tile_width * p.shape[0] / p.shape[1])) for _, p in row.pictures]
    top = _LINE if row.caption else 0
    width = _GAP + len(row.pictures) * (tile_width + _GAP)
    block = np.full((top + max(heights) + _LINE, width, 3), _PAPER, np.uint8)
    _write(block, row.caption, (_GAP, 17), 0.5)
    for column, ((name, picture), height) in enumerate(zip(row.pictures, heights)):
        left = _GAP + column * (tile_width + _GAP)
        block[top:top + height, left:left + tile_width] = cv2.resize(
            picture, (tile_width, height), interpolation=cv2.INTER_AREA)
        _write(block, name, (left, top + height + 15), 0.42, _FAINT)
    return block


def _head(title: str, subtitle: str, width: int) -> np.ndarray:
    block = np.full((70 if subtitle else 46, width, 3), _PAPER, np.uint8)
    _write(block, title, (_GAP, 32), 0.8)
    _write(block, subtitle, (_GAP, 56), 0.48, _FAINT)
    return block


def _legend(ids: Sequence[int], names: Sequence[str], palette: np.ndarray,
            width: int) -> Optional[np.ndarray]:
    """Return swatches with names in as many lines as they need; None without any."""
    if not ids:
        return None
    places, left, line = [], _GAP, 0
    for i in ids:
        extent = cv2.getTextSize(names[i], _FONT, 0.45, 1)[0][0] + 40
        if left + extent > width and left > _GAP:
            left, line = _GAP, line + 1
        places.append((i, left, line * _LINE + 18))
        left += extent
    block = np.full(((line + 1) * _LINE + _GAP, width, 3), _PAPER, np.uint8)
    for i, left, base in places:
        color = tuple(int(c) for c in palette[i][::-1])
        cv2.rectangle(block, (left, base - 12), (left + 16, base + 2), color, cv2.FILLED)
        cv2.rectangle(block, (left, base - 12), (left + 16, base + 2), _FAINT, 1)
        _write(block, names[i], (left + 22, base), 0.45)
    return block


def _widened(block: np.ndarray, width: int) -> np.ndarray:
    return cv2.copyMakeBorder(block, 0, 0, 0, width - block.shape[1], cv2.BORDER_CONSTANT,
                              value=_PAPER)


def _write(image: np.ndarray, text: str, place: Tuple[int, int], scale: float,
           color: Tuple[int, int, int] = _INK) -> None:
    cv2.putText(image, text, place, _FONT, scale, color, 1, cv2.LINE_AA)
