"""Nearest neighbours by their centres, with OpenCV's own or without it."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effvit_ros.core import resize

SIDES = st.integers(1, 150)


@pytest.mark.parametrize('labels, size, expected', [
    ([[1, 2], [3, 4]], (4, 2), [[1, 1, 2, 2], [3, 3, 4, 4]]),
    ([[1, 2, 3]], (1, 1), [[2]]),
    ([[1, 2, 3, 4, 5, 6]], (2, 1), [[2, 5]]),
    ([[7]], (3, 2), [[7, 7, 7], [7, 7, 7]]),
], ids=['twice as wide', 'the middle one', 'a third', 'one pixel'])
@pytest.mark.parametrize('exact', [pytest.param(True, marks=pytest.mark.skipif(
    not hasattr(cv2, 'INTER_NEAREST_EXACT'), reason='OpenCV before 4.5')), False])
def test_by_hand(labels, size, expected, exact, monkeypatch):
    if not exact:
        monkeypatch.setattr(resize, '_EXACT', None)
    found = resize.nearest(np.array(labels, np.uint8), size)
    assert found.tolist() == expected


@pytest.mark.skipif(not hasattr(cv2, 'INTER_NEAREST_EXACT'), reason='OpenCV before 4.5')
@settings(max_examples=60, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES)
def test_it_is_opencvs_own_but_where_two_are_equally_near(height, width, new_height, new_width):
    labels = np.random.default_rng(height).integers(0, 256, (height, width), np.uint8)
    rows, columns = resize._centres(height, new_height), resize._centres(width, new_width)
    ties = np.logical_or.outer(on_a_border(height, new_height), on_a_border(width, new_width))
    found, expected = labels[rows][:, columns], resize.nearest(labels, (new_width, new_height))
    np.testing.assert_array_equal(found[~ties], expected[~ties])


def on_a_border(there, here):
    """Return which of ``here`` pixels' centres lie on the border of two of ``there`` pixels."""
    return (2 * np.arange(here) + 1) * there % (2 * here) == 0
