"""Labels made from coarse scores are those of plain bilinear interpolation and argmax."""
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effvit_ros.core.tail import argmax, Tail, winning_probability


def interpolated(scores, height, width):
    """Return the scores at every pixel, (classes, height, width): the definition, in float64."""
    def axis(points, pixels):
        place = np.clip((np.arange(pixels) + 0.5) * points / pixels - 0.5, 0, points - 1)
        low = np.floor(place).astype(int)
        return low, np.minimum(low + 1, points - 1), place - low

    scores = scores.astype(np.float64)
    top, bottom, down = axis(scores.shape[1], height)
    left, right, across = axis(scores.shape[2], width)
    rows = scores[:, top] * (1 - down)[:, None] + scores[:, bottom] * down[:, None]
    return rows[:, :, left] * (1 - across) + rows[:, :, right] * across


def assert_labels_win(labels, scores):
    """Every label's interpolated score is the highest, but for rounding."""
    full = interpolated(scores, *labels.shape)
    chosen = np.take_along_axis(full, labels[None].astype(int), 0)[0]
    assert (full.max(0) - chosen).max() <= 1e-5 * max(1.0, np.abs(scores).max())


sides = st.integers(1, 40)


@settings(deadline=None, max_examples=60)
@given(classes=st.sampled_from([2, 3, 14, 40, 255]), grid=st.tuples(sides, sides),
       size=st.tuples(sides, st.integers(1, 90)), smooth=st.booleans(),
       seed=st.integers(0, 1000))
def test_any_scores_give_the_plain_computations_labels(classes, grid, size, smooth, seed):
    scores = np.random.default_rng(seed).normal(size=(classes, *grid)).astype(np.float32)
    if smooth:
        scores = scores.cumsum(1).cumsum(2).astype(np.float32)
    labels = Tail(grid, size).labels(scores)
    assert labels.shape == size and labels.dtype == np.uint8
    assert_labels_win(labels, scores)


def test_four_points_by_hand():
    # From a point where class 0 leads by 1 to 0 to one where class 1 leads by 3 to 0: they meet
    # a quarter of the way. Pixels lie at -3/8 and -1/8 (clamped to 0), 1/8, 3/8, 5/8 and so on.
    scores = np.array([[[1, 0]], [[0, 3]]], np.float32)
    assert Tail((1, 2), (1, 8)).labels(scores).tolist() == [[0, 0, 0, 1, 1, 1, 1, 1]]


def test_a_class_that_wins_at_no_corner_may_win_between_them():
    scores = np.zeros((3, 1, 2), np.float32)
    scores[0, 0] = 10, 0
    scores[1, 0] = 0, 10
    scores[2, 0] = 7, 7
    assert set(Tail((1, 2), (1, 64)).labels(scores).ravel()) == {0, 1, 2}


def test_the_first_of_equal_classes_wins():
    assert Tail((4, 4), (9, 9)).labels(np.zeros((5, 4, 4), np.float32)).max() == 0
    assert argmax(np.zeros((5, 2, 2), np.float32)).max() == 0


def test_one_tail_serves_many_frames():
    tail, rng = Tail((16, 16), (50, 70)), np.random.default_rng(1)
    for _ in range(3):
        scores = rng.normal(size=(4, 16, 16)).astype(np.float32)
        assert_labels_win(tail.labels(scores), scores)


@pytest.mark.parametrize('temperature, probability', [
    (1.0, 1 / (1 + np.exp(-2.0))), (2.0, 1 / (1 + np.exp(-1.0))),
], ids=['as it is', 'softened'])
def test_confidence_by_hand(temperature, probability):
    scores = np.array([[[2.0]], [[0.0]]], np.float32)
    assert winning_probability(scores, temperature)[0, 0] == pytest.approx(probability)
    confidence = Tail((1, 1), (3, 2)).confidence(scores, temperature)
    assert confidence.shape == (3, 2) and (confidence == round(255 * probability)).all()


def test_scores_are_left_as_they_were():
    scores = np.random.default_rng(2).normal(size=(3, 8, 8)).astype(np.float32)
    before = scores.copy()
    tail = Tail((8, 8), (20, 20))
    tail.labels(scores)
    tail.confidence(scores, 2.0)
    np.testing.assert_array_equal(scores, before)


def test_noise_is_interpolated_as_a_whole_and_the_next_frame_by_cells_again():
    tail, rng = Tail((16, 16), (90, 120)), np.random.default_rng(0)
    for regions in (0.0, 6.0, 0.0):
        scores = rng.normal(size=(5, 16, 16)).astype(np.float32)
        scores[1, :, 5:] += regions
        scores[3, 9:] += 2 * regions
        assert_labels_win(tail.labels(scores), scores)
