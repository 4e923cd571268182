"""The contact sheet: picture, truth, prediction and overlay of several moments, with a legend."""
from __future__ import annotations

import cv2
import numpy as np

from effvit_ros.core.resize import nearest

_TILE_WIDTH = 400
_GAP = 10
_MARGIN = 28
_HEAD = 78
_COLUMN_HEAD = 30
_LEGEND_LINE = 30
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_PAPER = (32, 26, 22)
_INK = (240, 240, 240)
_FAINT = (170, 165, 160)


def contact_sheet(moments, overlay, names, title, subtitle):
    """
    Draw one row for each moment and one column for each of its pictures.

    :param moments: list of :class:`~effvit_ros.harness.collector.Moment`, at least one; the
        truth's column is left out when no moment has any.
    :param overlay: :class:`~effvit_ros.core.overlay.Overlay` of the model, for the colours.
    :param names: class names in id order.
    :returns: (H, W, 3) uint8 BGR.
    """
    with_truth = any(m.truth is not None for m in moments)
    heads = ['picture', 'truth', 'prediction', 'overlay']
    if not with_truth:
        heads.remove('truth')
    rows = [_row(moment, overlay, with_truth) for moment in moments]
    ids = _classes_in_view(moments, len(names))
    width = 2 * _MARGIN + len(heads) * (_TILE_WIDTH + _GAP) - _GAP
    legend = _legend(ids, overlay, names, width - 2 * _MARGIN)
    height = (_HEAD + _COLUMN_HEAD + sum(row[0].shape[0] + _GAP for row in rows)
              + legend.shape[0] + _MARGIN)
    sheet = np.full((height, width, 3), _PAPER, np.uint8)
    _write(sheet, title, (_MARGIN, 38), 0.85)
    _write(sheet, subtitle, (_MARGIN, 64), 0.52, _FAINT)
    for column, head in enumerate(heads):
        _write(sheet, head, (_left(column), _HEAD + 22), 0.55)
    top = _HEAD + _COLUMN_HEAD
    for moment, row in zip(moments, rows):
        for column, tile in enumerate(row):
            left = _left(column)
            sheet[top:top + tile.shape[0], left:left + _TILE_WIDTH] = tile
        _write_time(sheet, (_left(0), top), moment.seconds)
        top += row[0].shape[0] + _GAP
    sheet[top:top + legend.shape[0], _MARGIN:width - _MARGIN] = legend
    return sheet


def _row(moment, overlay, with_truth):
    """Return the moment's tiles, all of one size."""
    height, width = moment.picture.shape[:2]
    size = _TILE_WIDTH, max(1, round(height * _TILE_WIDTH / width))

    def picture(pixels):
        return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)

    def labels(ids):
        if ids is None:
            return np.full((size[1], size[0], 3), _PAPER, np.uint8)
        small = nearest(ids, size)
        return overlay.colorize(small)

    tiles = [picture(moment.picture), labels(moment.truth), labels(moment.labels),
             picture(overlay.draw(moment.picture, moment.labels, legend=False))]
    return tiles if with_truth else tiles[:1] + tiles[2:]


def _classes_in_view(moments, n_classes):
    counts = np.zeros(256, np.int64)
    for moment in moments:
        for ids in (moment.truth, moment.labels):
            if ids is not None:
                counts += np.bincount(ids.ravel(), minlength=256)
    return [i for i in np.flatnonzero(counts) if i < n_classes]


def _legend(ids, overlay, names, width):
    """Return swatches with names in as many lines as they need, (H, width, 3) uint8 BGR."""
    places, left, line = [], 0, 0
    for i in ids:
        extent = cv2.getTextSize(names[i], _FONT, 0.5, 1)[0][0] + 52
        if left + extent > width and left:
            left, line = 0, line + 1
        places.append((i, left, line))
        left += extent
    legend = np.full(((line + 1) * _LEGEND_LINE, width, 3), _PAPER, np.uint8)
    for i, left, line in places:
        base = line * _LEGEND_LINE + 21
        color = tuple(int(c) for c in overlay.colorize(np.full((1, 1), i, np.uint8))[0, 0])
        cv2.rectangle(legend, (left, base - 13), (left + 18, base + 3), color, cv2.FILLED)
        cv2.rectangle(legend, (left, base - 13), (left + 18, base + 3), _FAINT, 1)
        _write(legend, names[i], (left + 26, base), 0.5)
    return legend


def _left(column):
    return _MARGIN + column * (_TILE_WIDTH + _GAP)


def _write_time(sheet, corner, seconds):
    left, top = corner
    text = f't = {seconds:.1f} s'
    extent = cv2.getTextSize(text, _FONT, 0.45, 1)[0][0]
    cv2.rectangle(sheet, (left, top), (left + extent + 14, top + 22), _PAPER, cv2.FILLED)
    _write(sheet, text, (left + 7, top + 16), 0.45)


def _write(image, text, place, scale, color=_INK):
    cv2.putText(image, text, place, _FONT, scale, color, 1, cv2.LINE_AA)
