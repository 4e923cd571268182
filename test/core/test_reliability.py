"""Calibration by hand-worked counts."""
from __future__ import annotations

import numpy as np
import pytest

from effvit_ros.core.reliability import BINS, centres, Reliability


def picture(*values):
    return np.array([values], np.uint8)


def test_the_error_is_the_distance_of_confidence_and_accuracy_by_pixels():
    # Three of four right where the bin says 77.5 %, none of one where it says 97.5 %.
    confidence = picture(196, 196, 196, 196, 255)
    labels, truth = picture(1, 1, 0, 1, 1), picture(1, 1, 1, 1, 0)
    found = Reliability().update(confidence, labels, truth, 2)
    assert found.accuracy[15] == 0.75 and found.accuracy[19] == 0
    assert found.expected_error == pytest.approx((4 * 0.025 + 1 * 0.975) / 5)
    assert found.shares[15] == 0.8


def test_pixels_without_truth_count_among_all_alone():
    found = Reliability().update(picture(0, 255, 255), picture(0, 0, 0), picture(255, 0, 7), 2)
    assert found.counts.sum(axis=1).tolist() == [3, 1, 1]
    assert not Reliability().update(picture(3)).known


def test_every_value_lies_in_the_bin_of_its_share():
    counts = Reliability().update(np.arange(256, dtype=np.uint8)[None]).counts[0]
    assert counts.sum() == 256 and counts.min() >= 256 // BINS
    assert centres()[0] == 0.025 and centres()[-1] == 0.975


def test_without_truth_a_report_holds_shares_alone():
    found = Reliability().update(picture(255)).as_dict()
    assert found['shares'][-1] == 1
    assert found['accuracy'] is None and found['expected_calibration_error'] is None


def test_pictures_add_up():
    one = Reliability().update(picture(10, 200), picture(0, 1), picture(0, 0), 2)
    both = Reliability(one.counts + one.counts)
    assert both.expected_error == pytest.approx(one.expected_error)
