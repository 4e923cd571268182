"""Connected regions of label images: by hand, and that nothing is lost or counted twice."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies
from hypothesis.extra.numpy import arrays

from effvit_ros.core.regions import regions

PICTURE = np.array([
    [1, 1, 1, 1, 0, 0],
    [1, 0, 0, 1, 0, 2],
    [1, 0, 0, 1, 2, 0],
    [1, 1, 1, 1, 0, 0],
    [0, 0, 0, 0, 0, 1]], np.uint8)


def test_a_ring_a_diagonal_and_a_speck_by_hand():
    ring, diagonal, speck = regions(PICTURE, (1, 2))
    assert (ring.class_id, ring.area, ring.box) == (1, 12, (0, 0, 4, 4))
    assert ring.centre == (1.5, 1.5)
    assert len(ring.rings) == 2, 'its outline and its hole'
    assert sorted(ring.rings[0]) == [[0, 0], [0, 3], [3, 0], [3, 3]]
    assert (diagonal.class_id, diagonal.area, diagonal.box) == (2, 2, (4, 1, 2, 2))
    assert diagonal.centre == (4.5, 1.5), 'neighbours by a corner are one region'
    assert (speck.class_id, speck.area, speck.box) == (1, 1, (5, 4, 1, 1))
    assert ring.confidence is None


def test_the_mean_confidence_is_of_its_own_pixels():
    confidence = np.where(PICTURE == 1, 255, 51).astype(np.uint8)
    confidence[4, 5] = 102
    ring, diagonal, speck = regions(PICTURE, (1, 2), confidence)
    assert ring.confidence == 1.0
    assert diagonal.confidence == pytest.approx(0.2)
    assert speck.confidence == pytest.approx(0.4)


@pytest.mark.parametrize('classes, least, areas', [
    pytest.param((1,), 1, [12, 1], id='one_class'),
    pytest.param((1, 2), 2, [12, 2], id='no_specks'),
    pytest.param((3,), 1, [], id='absent'),
    pytest.param((0,), 1, [11, 4], id='class_0_counts_like_any'),
])
def test_which_are_found(classes, least, areas):
    assert [r.area for r in regions(PICTURE, classes, least_pixels=least)] == areas


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, (9, 12), elements=strategies.integers(0, 2)))
def test_drawn_again_the_regions_are_the_picture(labels):
    drawn = np.full_like(labels, 255)
    for region in regions(labels, (0, 1, 2)):
        # Holes, too, have their rings on pixels of the region: first filled, then cut out.
        mask = np.zeros_like(labels)
        cv2.drawContours(mask, [np.array(region.rings[0])], -1, 1, cv2.FILLED)
        for hole in region.rings[1:]:
            inner = np.zeros_like(labels)
            cv2.drawContours(inner, [np.array(hole)], -1, 1, cv2.FILLED)
            cv2.drawContours(inner, [np.array(hole)], -1, 0, 1)
            mask[inner == 1] = 0
        assert region.area <= mask.sum(), 'nothing of it lies outside of its outline'
        assert (labels[mask == 1] == region.class_id).sum() >= region.area
        x, y, width, height = region.box
        assert (mask[y:y + height, x:x + width] == 1).sum() == mask.sum()
        drawn[(mask == 1) & (labels == region.class_id)] = region.class_id
    assert (drawn == labels).all()
