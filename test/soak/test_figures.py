"""The soak's arithmetic: warm-up, growth, ages and verdicts, on hand-made records."""
from __future__ import annotations

import math

import pytest

pytest.importorskip('matplotlib', reason="needs the extra 'bags'")

from effvit_ros.core.process_usage import ProcessUsage  # noqa: E402
from effvit_ros.soak.figures import figures, verdicts, windows  # noqa: E402
from effvit_ros.soak.plots import binned_p95, record_plot  # noqa: E402
from effvit_ros.soak.record import Record, Sample  # noqa: E402

CAMERA = ProcessUsage(100.0, 10.0, 20, 10, 0.0)


def record(seconds=1800, rss=lambda t: 300.0, fds=lambda t: 23, age=lambda t: 50.0, hz=30.0):
    """Return a record of a run with one label map a second."""
    made = Record(frames_published=int(hz * seconds))
    made.samples = [Sample(float(t), ProcessUsage(rss(t), 40.0, fds(t), 20, t / 2), CAMERA)
                    for t in range(seconds + 1)]
    made.ages = [(float(t), age(t)) for t in range(seconds + 1)]
    return made


@pytest.mark.parametrize('seconds, first, last', [
    pytest.param(1800, (120, 180), (1740, 1800), id='half an hour'),
    pytest.param(600, (120, 180), (540, 600), id='ten minutes'),
    # A fifth is warm-up, the rest is halved.
    pytest.param(60, (12, 36), (36, 60), id='a minute'),
    pytest.param(0, (0, 0), (0, 0), id='nothing'),
])
def test_what_is_compared(seconds, first, last):
    found = windows(seconds)
    assert (found.first, found.last) == (pytest.approx(first), pytest.approx(last))


def test_growth_is_of_the_last_minute_over_the_first_after_the_warm_up():
    # 300 MB at the start, 340 from second 60 on, 1 MB each 10 minutes: medians of 120..180 and
    # 1740..1800 lie 27 minutes apart.
    found = figures(record(rss=lambda t: (340 if t > 60 else 300) + t / 600), 30.0)
    assert found['rss_growth_mb'] == pytest.approx(2.7)


def test_one_peak_is_no_growth_of_memory_but_one_of_files():
    found = figures(record(rss=lambda t: 400 if t == 1790 else 300,
                           fds=lambda t: 24 if t == 1790 else 23), 30.0)
    assert (found['rss_growth_mb'], found['fd_growth']) == (0.0, 1)


def test_ages_are_of_the_windows():
    found = figures(record(age=lambda t: 90.0 if t < 120 else 50.0 + t / 100), 30.0)
    # p95 of 61 values that rise by 0.01: the 57th of 51.2...51.8.
    assert found['p95_age_first_ms'] == pytest.approx(51.77, abs=0.006)
    assert found['p95_age_last_ms'] == pytest.approx(67.97, abs=0.006)


def test_rates_gaps_and_counts():
    made = record()
    del made.ages[100:110]
    found = figures(made, 30.0)
    assert (found['frames_segmented'], found['camera_hz'], found['segmenter_cpu']) == (
        1791, 30.0, 0.5)
    assert found['longest_gap_s'] == 11.0


def test_energy_is_told_where_a_sensor_tells_it():
    made = record(seconds=100)
    made.joules, made.power_source = 404.0, 'RAPL package-0'
    found = figures(made, 30.0)
    assert (found['power_w'], found['joules_per_frame'], found['power_source']) == (
        4.04, 4.0, 'RAPL package-0')  # 100 seconds, 101 label maps
    assert {'power_w', 'joules_per_frame', 'power_source'} & set(figures(record(), 30.0)) == set()


def test_what_was_never_measured_is_none_and_missed():
    found = figures(Record(), 30.0)
    assert (found['rss_growth_mb'], found['p95_age_last_ms']) == (None, None)
    assert [v.met for v in verdicts(found)] == [False, False, False, True, False]


@pytest.mark.parametrize('changes, missed', [
    pytest.param({}, set(), id='good'),
    pytest.param({'rss': lambda t: 300 + t / 300}, {'memory growth of the segmenter'},
                 id='leaks memory'),
    pytest.param({'fds': lambda t: 23 + t // 1000}, {'growth of its open files'},
                 id='leaks files'),
    pytest.param({'age': lambda t: 50 if t < 1000 else 61},
                 {'p95 age of a label map, last window'}, id='slows down'),
    pytest.param({'age': lambda t: 50 if t < 1000 else 30}, set(), id='gets faster'),
    pytest.param({'hz': 20.0}, {"the camera's rate"}, id='camera too slow'),
])
def test_verdicts(changes, missed):
    found = verdicts(figures(record(**changes), 30.0))
    assert {v.what for v in found if not v.met} == missed


def test_errors_add_up_over_their_kinds():
    made = record()
    made.note_error('frames', 'a broken one', 3)
    made.note_error('log', 'a line')
    found = figures(made, 30.0)
    assert (found['errors'], found['last_error']) == (4, 'a line')
    assert [v.what for v in verdicts(found) if not v.met] == ['errors']


def test_p95_by_bins():
    # Two bins of 5 s; nothing came in the second.
    centres, p95 = binned_p95([(1.0, 10.0), (2.0, 20.0)], 10.0)
    assert centres.tolist() == [2.5, 7.5]
    assert p95[0] == pytest.approx(19.5) and math.isnan(p95[1])


@pytest.mark.parametrize('made', [record(30), Record()], ids=['short', 'empty'])
def test_the_plot_is_a_png(made):
    assert record_plot(made).startswith(b'\x89PNG')
