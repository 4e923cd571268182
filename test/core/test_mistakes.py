"""Errors that cost most, from numbers worked by hand."""
from __future__ import annotations

import numpy as np
import pytest

from effvit_ros.core.mistakes import Confused, costliest, false_alarms, mistakes, told

NAMES = ('dry', 'water', 'person')
#: Rows are the truth; the last column holds what no class was given to.
COUNTS = np.array([[90, 8, 2, 0],
                   [5, 45, 0, 0],
                   [1, 0, 4, 5]])


def test_false_alarms_are_shares_of_the_other_pixels():
    # called dry 6 of 55, water 8 of 105, a person 2 of 150; what got no class is left out
    assert false_alarms(COUNTS, NAMES) == pytest.approx(
        {'dry': 6 / 55, 'water': 8 / 105, 'person': 2 / 150})


def test_a_class_that_is_all_there_is_can_raise_no_false_alarm():
    assert false_alarms(np.array([[10, 0]]), ('dry',)) == {}


def test_the_costliest_pair():
    assert costliest(COUNTS, NAMES) == Confused('dry', 'water', pytest.approx(8 / 155))
    assert costliest(np.diag([3, 4]), NAMES[:2]) is None


def test_what_is_told():
    assert told(mistakes(COUNTS, NAMES), ('water', 'fire')) == (
        'most pixels lost: dry called water, 5.16%; '
        'water falsely on 7.62% of the other pixels')
    assert told(mistakes(np.diag([3, 4]), NAMES[:2]), ('water',)) == 'no pixel mixed up'
