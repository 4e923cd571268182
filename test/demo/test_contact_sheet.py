"""The contact sheet: the right tiles in the right places."""
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2')

from effvit_ros.core.classes import NAMES, PALETTE  # noqa: E402
from effvit_ros.core.overlay import Overlay  # noqa: E402
from effvit_ros.demo.contact_sheet import contact_sheet  # noqa: E402
from effvit_ros.harness.collector import Moment  # noqa: E402


def moment(seconds=1.0, truth=7, labels=12, height=48, width=64):
    """Return a moment of one gray level whose label maps hold one class each."""
    def map_of(value):
        return None if value is None else np.full((height, width), value, np.uint8)
    picture = np.full((height, width, 3), 90, np.uint8)
    return Moment(seconds, picture, map_of(truth), map_of(labels), picture)


def draw(moments):
    """Return the sheet in RGB."""
    sheet = contact_sheet(moments, Overlay(NAMES, PALETTE), NAMES, 'title', 'subtitle')
    return sheet[..., ::-1]


def share(sheet, rgb):
    """Return the share of the sheet in exactly this colour."""
    return (sheet == np.array(rgb, np.uint8)).all(axis=-1).mean()


def test_truth_and_prediction_show_their_classes_in_the_model_s_colours():
    sheet = draw([moment(), moment(seconds=2.0)])
    assert share(sheet, PALETTE[7]) > 0.1 and share(sheet, PALETTE[12]) > 0.1
    assert share(sheet, (90, 90, 90)) > 0.1, 'the picture itself'
    assert share(sheet, (90 + PALETTE[12].astype(int)) // 2) > 0.1, 'half picture, half class'


def test_without_truth_its_column_is_left_out():
    with_truth, without = draw([moment()]), draw([moment(truth=None)])
    assert without.shape[1] < with_truth.shape[1]
    assert share(without, PALETTE[7]) == 0


def test_pictures_of_several_sizes_and_unlabelled_truth_share_a_sheet():
    draw([moment(height=30, width=90), moment(truth=255), moment(truth=None)])
