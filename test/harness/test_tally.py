"""Counts and ages of a stream, worked by hand."""
from __future__ import annotations

import pytest

from effvit_ros.harness.tally import StreamFigures, Tally

MS = 10**6


def tally_of(published, segmented):
    """Return a tally of frames stamped at these milliseconds; segmented: stamp -> age."""
    tally = Tally()
    for stamp in published:
        tally.publish(stamp * MS)
    for stamp, age in segmented.items():
        tally.segment(stamp * MS, (stamp + age) * MS)
    return tally


def test_a_second_of_ten_frames_of_which_four_were_segmented():
    tally = tally_of(range(0, 1000, 100), {0: 50, 300: 60, 600: 70, 900: 200})
    # Ages 50, 60, 70, 200: the median is 65, the 95th percentile 70 + 0.85 * 130 = 180.5.
    assert tally.figures(0, 1000 * MS) == StreamFigures(
        4.0, pytest.approx(65), pytest.approx(180.5), 10, 4, 6)


@pytest.mark.parametrize('start, end, published, segmented', [
    pytest.param(0, 300, 3, 1, id='end-is-outside'),
    pytest.param(100, 301, 3, 1, id='start-is-inside'),
    pytest.param(900, 1000, 1, 1, id='late-label-map-counts-with-its-frame'),
    pytest.param(2000, 3000, 0, 0, id='nothing'),
])
def test_a_window_is_of_stamps(start, end, published, segmented):
    tally = tally_of(range(0, 1000, 100), {0: 50, 300: 60, 900: 5000})
    figures = tally.figures(start * MS, end * MS)
    assert (figures.frames_published, figures.frames_segmented) == (published, segmented)
    assert figures.frames_dropped == published - segmented


def test_a_label_map_proves_its_frame():
    figures = tally_of([], {5: 1}).figures(0, 10 * MS)
    assert (figures.frames_published, figures.frames_dropped) == (1, 0)


def test_without_label_maps_there_is_no_age():
    figures = tally_of([1], {}).figures(0, 10 * MS)
    assert figures.latency_p50_ms is None and figures.latency_p95_ms is None
    assert figures.fps == 0
