"""Scores against numbers worked by hand."""
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from effvit_ros.core.metrics import ConfusionMatrix, LpcvDice, per_class_table

# Truth has four 0, three 1, one ignored; class 2 is never true but predicted once.
TRUTH = np.array([[0, 0, 0, 0], [1, 1, 1, 255]], np.uint8)
PREDICTION = np.array([[0, 0, 0, 1], [1, 1, 2, 0]], np.uint8)


def test_pooled_scores_by_hand():
    confusion = ConfusionMatrix(3).update(TRUTH, PREDICTION)
    assert confusion.matrix[:, :3].tolist() == [[3, 1, 0], [0, 2, 1], [0, 0, 0]]
    # IoU: 0 -> 3 / (4 + 3 - 3), 1 -> 2 / (3 + 3 - 2), 2 is absent from the truth.
    np.testing.assert_allclose(confusion.iou, [3 / 4, 2 / 4, np.nan])
    np.testing.assert_allclose(confusion.dice, [6 / 7, 4 / 6, np.nan])
    assert confusion.miou == pytest.approx((3 / 4 + 2 / 4) / 2)
    assert confusion.classes_present == 2
    assert confusion.support.tolist() == [4, 3, 0]
    assert confusion.pixel_accuracy == pytest.approx(5 / 7)


def test_picture_dice_counts_a_falsely_predicted_class_as_zero():
    confusion = ConfusionMatrix(3).update(TRUTH, PREDICTION)
    assert confusion.picture_dice == pytest.approx((6 / 7 + 4 / 6 + 0) / 3)


def test_lpcv_dice_is_the_mean_over_pictures_and_not_pooled():
    half = np.array([[0, 0, 1, 1]], np.uint8)
    score = LpcvDice(3).update(TRUTH, PREDICTION).update(half, half)
    assert score.mean == pytest.approx(((6 / 7 + 4 / 6) / 3 + 1) / 2)


@pytest.mark.parametrize('truth, prediction, miou', [
    pytest.param([[0, 1]], [[0, 1]], 1.0, id='all-right'),
    pytest.param([[0, 1]], [[1, 0]], 0.0, id='all-wrong'),
    pytest.param([[0, 0]], [[0, 255]], 0.5, id='unlabelled-prediction-is-a-miss'),
    pytest.param([[255, 0]], [[1, 0]], 1.0, id='ignored-truth-counts-nowhere'),
    pytest.param([[255]], [[0]], np.nan, id='nothing-to-count'),
])
def test_miou_table(truth, prediction, miou):
    confusion = ConfusionMatrix(2).update(np.uint8(truth), np.uint8(prediction))
    assert confusion.miou == pytest.approx(miou, nan_ok=True)


def test_shapes_must_match():
    with pytest.raises(ValueError, match='sizes must be equal'):
        ConfusionMatrix(2).update(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))


def test_per_class_table_is_plain_json():
    table = per_class_table(ConfusionMatrix(3).update(TRUTH, PREDICTION), 'abc')
    assert table['a'] == {'iou': 0.75, 'dice': 6 / 7, 'support': 4, 'share': 4 / 7}
    assert table['c'] == {'iou': None, 'dice': None, 'support': 0, 'share': 0.0}


labels = hnp.arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 1, 2, 3, 255]))


@settings(max_examples=50, deadline=None)
@given(labels, labels)
def test_two_halves_add_up_to_the_whole(truth, prediction):
    whole = ConfusionMatrix(4).update(truth, prediction)
    halves = ConfusionMatrix(4)
    halves.update(truth[:3], prediction[:3]).update(truth[3:], prediction[3:])
    np.testing.assert_array_equal(whole.matrix, halves.matrix)
    assert whole.matrix.sum() == np.count_nonzero(truth < 4)
