"""The contact sheet: the right tiles in the right places."""
from __future__ import annotations

import numpy as np
import pytest

from effvit_ros.core.classes import lpcv_classes
from effvit_ros.report.contact_sheet import classes_in, contact_sheet, errors_picture, Row

NAMES, PALETTE = lpcv_classes().names, lpcv_classes().palette
GREY, WIDTH, GAP, LINE = 90, 320, 10, 24


def plain(value, height=48, width=64):
    """Return a picture of one grey level."""
    return np.full((height, width, 3), value, np.uint8)


def share(sheet, bgr):
    """Return the share of the sheet in exactly this colour."""
    return (sheet == np.array(bgr, np.uint8)).all(axis=-1).mean()


def test_a_row_has_a_tile_for_each_picture_and_as_much_height_as_the_highest():
    sheet = contact_sheet([Row('a', (('low', plain(GREY, 16, 64)), ('high', plain(200, 64, 64)))),
                           Row('', (('one', plain(120, 32, 64)),))], NAMES, PALETTE)
    # Tiles of 320 x 80 and 320 x 320 under a caption, then one of 320 x 160 without.
    assert sheet.shape == (LINE + 320 + LINE + 160 + LINE, 2 * (WIDTH + GAP) + GAP, 3)
    top = LINE + 40
    assert sheet[top, GAP + 5].tolist() == [GREY] * 3
    assert sheet[top, 2 * GAP + WIDTH + 5].tolist() == [200] * 3
    assert sheet[LINE + 200, GAP + 5].tolist() == [255] * 3, 'below the low one'
    assert sheet[LINE + 320 + LINE + 80, GAP + 5].tolist() == [120] * 3


def test_the_legend_has_the_colours_of_the_classes_that_are_named():
    row = [Row('', (('picture', plain(GREY)),))]
    without, with_water = (contact_sheet(row, NAMES, PALETTE, ids) for ids in ((), (7,)))
    assert share(without, PALETTE[7][::-1]) == 0
    assert share(with_water, PALETTE[7][::-1]) > 0
    assert with_water.shape[0] == without.shape[0] + LINE + GAP


def test_classes_in_view_are_those_of_all_maps_but_the_unlabelled():
    maps = np.array([[3, 255]], np.uint8), None, np.array([[0, 3]], np.uint8)
    assert classes_in(maps) == [0, 3]


@pytest.mark.parametrize('truth, bgr', [
    pytest.param(2, [141, 141, 141], id='right: pale'),
    pytest.param(1, [65, 65, 206], id='wrong: red'),
    pytest.param(255, [47, 47, 47], id='ignored: dark'),
])
def test_errors_are_red(truth, bgr):
    # Grey 90: 90 // 2 + 96 = 141; wrong 141 // 4 + 40 // 4 * 3 = 65, 141 // 4 + 230 // 4 * 3.
    panel = errors_picture(plain(GREY), np.full((48, 64), 2, np.uint8),
                           np.full((48, 64), truth, np.uint8))
    assert panel[0, 0].tolist() == bgr
