"""What the overlay shows, pixel by pixel."""
from __future__ import annotations

import numpy as np
import pytest

from effvit_ros.core.overlay import Overlay

NAMES = ('background', 'red', 'green')
PALETTE = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]], np.uint8)
GREY = np.full((120, 160, 3), 100, np.uint8)


@pytest.mark.parametrize('label, bgr', [
    pytest.param(0, [100, 100, 100], id='background-shows-the-picture'),
    pytest.param(1, [50, 50, 178], id='half-red'),
    pytest.param(2, [50, 178, 50], id='half-green'),
    pytest.param(255, [50, 50, 50], id='unlabelled-is-darkened'),
])
def test_blend(label, bgr):
    labels = np.full((120, 160), label, np.uint8)
    drawn = Overlay(NAMES, PALETTE).draw(GREY, labels, legend=False)
    assert np.abs(drawn.astype(int) - bgr).max() <= 1


def test_alpha_zero_is_the_picture():
    labels = np.ones((120, 160), np.uint8)
    np.testing.assert_array_equal(
        Overlay(NAMES, PALETTE, alpha=0.0).draw(GREY, labels, legend=False), GREY)


def test_the_picture_is_left_alone():
    picture = GREY.copy()
    Overlay(NAMES, PALETTE).draw(picture, np.ones((120, 160), np.uint8))
    np.testing.assert_array_equal(picture, GREY)


def test_small_labels_are_enlarged():
    labels = np.array([[0, 1], [2, 0]], np.uint8)
    drawn = Overlay(NAMES, PALETTE).draw(GREY, labels, legend=False)
    assert drawn[10, 150].tolist() == pytest.approx([50, 50, 178], abs=1)
    assert drawn[110, 10].tolist() == pytest.approx([50, 178, 50], abs=1)


def test_the_legend_lists_the_classes_in_view():
    overlay = Overlay(NAMES, PALETTE)
    plain = overlay.draw(GREY, np.zeros((120, 160), np.uint8), legend=False).copy()
    one = overlay.draw(GREY, np.zeros((120, 160), np.uint8)).copy()
    labels = np.zeros((120, 160), np.uint8)
    labels[:, 80:] = 2
    two = overlay.draw(GREY, labels).copy()
    changed = [(np.any(d[:, :60] != plain[:, :60], axis=2)).any(axis=1).sum() for d in (one, two)]
    assert 0 < changed[0] < changed[1]


def test_a_legend_larger_than_the_picture_is_cut():
    tiny = np.zeros((8, 8, 3), np.uint8)
    assert Overlay(NAMES, PALETTE).draw(tiny, np.ones((8, 8), np.uint8)).shape == tiny.shape
