"""A picture of the worst and the typical frames: picture, labels, truth, errors."""
from __future__ import annotations

import cv2
import numpy as np

from effvit_ros.core.overlay import Overlay

#: Name of the sheet's file beside a report.
CONTACT_SHEET = 'contact_sheet.jpg'

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GAP = 8
_CAPTION = 24
_BACKGROUND = (255, 255, 255)
_INK = (40, 40, 40)
_WRONG = (40, 40, 230)


def contact_sheet(groups, bundle, start_ns):
    """
    Return the sheet, (H, W, 3) uint8 BGR, or None without moments.

    :param groups: (title, moments) pairs; see :class:`effvit_ros.evaluation.highlights.Moment`.
    :param start_ns: stamp from which the captions count seconds.
    """
    overlay = Overlay(bundle.names, bundle.palette, alpha=0.6)
    blocks, seen = [], set()
    for title, moments in groups:
        for place, moment in enumerate(moments, 1):
            blocks.append(_row(f'{title} {place}', moment, overlay, start_ns))
            seen |= set(np.unique(moment.labels).tolist())
            if moment.truth is not None:
                seen |= set(np.unique(moment.truth).tolist())
    if not blocks:
        return None
    if all(block.shape[1] <= 2 * 320 + 3 * _GAP for block in blocks):
        blocks = [_beside(pair) for pair in zip(blocks[::2], blocks[1::2])] + (
            blocks[-1:] if len(blocks) % 2 else [])
    width = max(block.shape[1] for block in blocks)
    blocks.append(_legend(sorted(seen), bundle, width))
    return np.vstack([_padded(block, width) for block in blocks])


def _row(title, moment, overlay, start_ns):
    seconds = (moment.stamp_ns - start_ns) * 1e-9
    what = f'Dice {1 - moment.badness:.3f}' if moment.scored else (
        f'{moment.badness:.1%} of pixels flipped')
    panels = [('picture', moment.picture),
              ('labels', overlay.draw(moment.picture, moment.labels, legend=False).copy())]
    if moment.truth is not None:
        panels.append(('truth', overlay.draw(moment.picture, moment.truth, legend=False).copy()))
        panels.append(('errors (ignored: dark)', _errors(moment)))
    height, width = moment.picture.shape[:2]
    row = np.full((height + 2 * _CAPTION, (width + _GAP) * len(panels) + _GAP, 3), 255, np.uint8)
    _text(row, f'{title}: frame {moment.index} at {seconds:.2f} s, {what}', _GAP, 17, 0.5)
    for column, (name, panel) in enumerate(panels):
        left = _GAP + column * (width + _GAP)
        row[_CAPTION:_CAPTION + height, left:left + width] = panel
        _text(row, name, left, _CAPTION + height + 14, 0.4)
    return row


def _errors(moment):
    gray = cv2.cvtColor(moment.picture, cv2.COLOR_BGR2GRAY)
    panel = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR) // 2 + 96
    ignored = moment.truth == 255
    wrong = (moment.truth != moment.labels) & ~ignored
    panel[wrong] = panel[wrong] // 4 + np.array(_WRONG, np.uint8) // 4 * 3
    panel[ignored] //= 3
    return panel


def _beside(pair):
    height = max(block.shape[0] for block in pair)
    return np.hstack([
        cv2.copyMakeBorder(block, 0, height - block.shape[0], 0, 0, cv2.BORDER_CONSTANT,
                           value=_BACKGROUND) for block in pair])


def _legend(ids, bundle, width):
    strip = np.full((3 * _CAPTION, width, 3), 255, np.uint8)
    left, top = _GAP, 4
    for number in ids:
        # Class 0 is background, which the overlay leaves as it is.
        if not 0 < number < len(bundle.names):
            continue
        name = bundle.names[number]
        needed = 24 + cv2.getTextSize(name, _FONT, 0.42, 1)[0][0]
        if left + needed > width and top + 2 * _CAPTION <= strip.shape[0]:
            left, top = _GAP, top + _CAPTION
        color = tuple(int(c) for c in bundle.palette[number][::-1])
        cv2.rectangle(strip, (left, top + 2), (left + 14, top + 16), color, cv2.FILLED)
        cv2.rectangle(strip, (left, top + 2), (left + 14, top + 16), _INK, 1)
        _text(strip, name, left + 20, top + 14, 0.42)
        left += needed + 14
    return strip


def _padded(block, width):
    return cv2.copyMakeBorder(block, 0, 0, 0, width - block.shape[1], cv2.BORDER_CONSTANT,
                              value=_BACKGROUND)


def _text(image, text, left, baseline, scale):
    cv2.putText(image, text, (left, baseline), _FONT, scale, _INK, 1, cv2.LINE_AA)
