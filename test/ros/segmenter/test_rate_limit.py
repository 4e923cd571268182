"""Thinning out a stream."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effvit_ros.ros.segmenter.rate_limit import RateLimit


def admitted(times, rate):
    limit = RateLimit()
    return [t for t in times if limit.admits(t, rate)]


@pytest.mark.parametrize('arrivals, rate, expected', [
    pytest.param(30, 0, 300, id='no limit'),
    pytest.param(30, 10, 100, id='a third of 30 Hz'),
    pytest.param(30, 20, 200, id='two thirds of 30 Hz'),
    pytest.param(30, 60, 300, id='a limit above the camera'),
    pytest.param(10, 0.5, 5, id='below one a second'),
])
def test_ten_seconds_of_frames(arrivals, rate, expected):
    times = [i / arrivals for i in range(10 * arrivals)]
    assert abs(len(admitted(times, rate)) - expected) <= 1


@given(jitter=st.lists(st.floats(-0.4, 0.4), min_size=60, max_size=60))
def test_jitter_does_not_lower_the_mean_rate(jitter):
    times = [(i + j) / 30 for i, j in enumerate(jitter)]
    assert abs(len(admitted(times, 10)) - 20) <= 2


def test_a_pause_is_not_followed_by_a_burst():
    limit = RateLimit()
    assert limit.admits(0.0, 10)
    after = [limit.admits(100 + i / 1000, 10) for i in range(50)]
    assert sum(after) <= 2


@pytest.mark.parametrize('before, after, admitted', [
    pytest.param(0.1, 10, 0.1, id='from one in ten seconds to ten a second'),
    pytest.param(10, 2, 0.5, id='from ten a second to two'),
    pytest.param(2, 0, 0.0, id='from two a second to all'),
])
def test_a_new_rate_counts_from_the_last_frame(before, after, admitted):
    limit = RateLimit()
    for _ in range(2):  # the second one of a burst is admitted, to catch up
        limit.admits(100.0, before)
    times = [100.0 + i / 100 for i in range(1100)]
    first = next(t for t in times if limit.admits(t, after))
    assert first == pytest.approx(100 + admitted, abs=0.011)


@given(st.lists(st.floats(0, 100), min_size=2).map(sorted), st.floats(0.1, 1000))
def test_never_more_than_the_rate(times, rate):
    span = times[-1] - times[0]
    assert len(admitted(times, rate)) <= span * rate + 2
