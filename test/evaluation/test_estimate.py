"""The score without truth: by hand, and against the truth where confidence is calibrated."""
from __future__ import annotations

import numpy as np
import pytest

from effvit_ros.core.metrics import ConfusionMatrix
from effvit_ros.evaluation.estimate import (
    ELSEWHERE,
    estimated_scores,
    expected_counts,
    KNOWN,
)


def test_counts_by_hand():
    """Two pixels of two classes: 0.8 / 0.2 for the first, 0.4 / 0.6 for the second."""
    scores = np.log(np.array([[[0.8, 0.4]], [[0.2, 0.6]]]))
    hits, support, predicted = expected_counts(scores, 1.0)
    np.testing.assert_allclose(hits, [0.4, 0.3])
    np.testing.assert_allclose(support, [0.6, 0.4])
    np.testing.assert_allclose(predicted, [0.5, 0.5])
    found = estimated_scores(np.array([[hits, support, predicted]]), ('a', 'b'))
    assert found['per_class'] == pytest.approx({'a': 0.4 / 0.7, 'b': 0.3 / 0.6})
    assert found['miou'] == pytest.approx((0.4 / 0.7 + 0.5) / 2)


def test_temperature_divides_the_scores():
    scores = np.array([[[2.0]], [[0.0]]])
    assert expected_counts(scores, 2.0)[0].max() == pytest.approx(1 / (1 + np.exp(-1)))


@pytest.mark.parametrize('sharpness', [0.5, 1.0, 3.0])
def test_calibrated_confidence_estimates_the_true_score(sharpness):
    """Truth is drawn from the very probabilities: estimated and true mIoU agree."""
    rng = np.random.default_rng(0)
    expected, confusion = [], ConfusionMatrix(4)
    for _ in range(30):
        scores = sharpness * rng.normal(size=(4, 40, 40))
        p = np.exp(scores) / np.exp(scores).sum(axis=0)
        truth = (rng.random((1, 40, 40)) > p.cumsum(axis=0)).sum(axis=0).clip(0, 3)
        expected.append(expected_counts(scores, 1.0))
        confusion.update(truth.astype(np.uint8), scores.argmax(axis=0).astype(np.uint8))
    found = estimated_scores(np.array(expected), 'abcd')
    assert found['miou'] == pytest.approx(confusion.miou, abs=0.01)
    assert found['low'] <= found['miou'] <= found['high']


def test_classes_that_are_hardly_predicted_do_not_count():
    one = np.array([[0.9, 0.0005], [0.95, 0.05], [0.999, 0.001]])
    assert set(estimated_scores(one[None], 'ab')['per_class']) == {'a'}


def test_without_scores_there_is_no_estimate():
    assert estimated_scores(np.full((3, 3, 2), np.nan), 'ab') is None


@pytest.mark.parametrize('distance, error, known', [
    (0.7, KNOWN, True), (1.3, ELSEWHERE, False), (None, ELSEWHERE, None)])
def test_the_interval_holds_the_error_of_the_method_on_such_views(distance, error, known):
    """Ten equal frames, so that the frames' own interval has no width."""
    one = np.array([[0.5, 0.3], [0.6, 0.4], [0.6, 0.4]])
    found = estimated_scores(np.stack([one] * 10), 'ab', distance)
    low, high = found['of_the_frames']
    assert low == pytest.approx(found['miou']) and high == pytest.approx(found['miou'])
    assert found['low'] == pytest.approx(low - error.too_high)
    assert found['high'] == pytest.approx(high + error.too_low)
    assert found['known_view'] is known and found['method_error'] == error._asdict()


def test_the_interval_stays_between_0_and_1():
    certain = np.array([[0.5, 0.5]] * 3)
    assert estimated_scores(np.stack([certain] * 4), 'ab')['high'] == 1
    hopeless = np.array([[0.01, 0.01], [0.5, 0.5], [0.5, 0.5]])
    assert estimated_scores(np.stack([hopeless] * 4), 'ab')['low'] == 0
