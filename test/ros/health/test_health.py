"""What /diagnostics says, and when."""
from __future__ import annotations

import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus

from effvit_ros.ros.health.health import (
    CLOCK_STANDS,
    diagnostics_message,
    Health,
    HealthStatus,
    segmenter_status,
)
from effvit_ros.ros.health.level import ERROR, Limits, OK, STALE, WARN

SILENCE = Limits(no_image_timeout=3.0)


@pytest.fixture
def health():
    """Return the health of a node that became active at second 100."""
    health = Health()
    health.enter('active', 100.0)
    health.set_facts(runtime='openvino', image_topic='/image')
    return health


def values(report):
    return dict(report.values)


def segment(health, times, latency=0.02, inference=0.015, age=0.05):
    for now in times:
        health.frame_received(now)
        health.frame_segmented(now, latency, inference, age)


def bad_frame(health, now):
    health.frame_received(now)
    health.frame_failed(now, 'encoding', "encoding 'x' is not supported")


@pytest.mark.parametrize('prepare, level, message', [
    pytest.param(lambda h: None, OK, 'waiting for the first frame', id='just activated'),
    pytest.param(lambda h: segment(h, [101.5]), OK, 'segmenting', id='frames come'),
    pytest.param(lambda h: (h.frame_received(101.5), h.frame_skipped('unwatched')),
                 OK, 'idle: nobody subscribes to the results', id='nobody listens'),
    pytest.param(lambda h: (h.frame_received(101.5), h.frame_skipped('unwatched'),
                            h.frame_received(101.6), h.frame_skipped('over_rate')),
                 OK, 'idle: nobody subscribes to the results', id='nobody listens, at a rate'),
    pytest.param(lambda h: (segment(h, [101]), bad_frame(h, 101.5)),
                 WARN, "some frames cannot be segmented: encoding 'x' is not supported",
                 id='some frames are bad'),
    pytest.param(lambda h: bad_frame(h, 101.5),
                 ERROR, "no frame can be segmented: encoding 'x' is not supported",
                 id='all frames are bad'),
    pytest.param(lambda h: h.input_problem('incompatible RELIABILITY'),
                 WARN, 'incompatible RELIABILITY', id='incompatible QoS'),
    pytest.param(lambda h: (h.input_problem('incompatible RELIABILITY'), segment(h, [101.5])),
                 OK, 'segmenting', id='incompatible QoS was cured'),
    pytest.param(lambda h: h.enter('inactive', 101), OK, 'inactive', id='deactivated'),
    pytest.param(lambda h: (h.enter('configuring', 101), h.progress('building: 35 s')),
                 OK, 'configuring: building: 35 s', id='building an engine'),
    pytest.param(lambda h: (h.progress('building: 35 s'), h.enter('inactive', 101)),
                 OK, 'inactive', id='built an engine'),
    pytest.param(lambda h: (h.enter('unconfigured', 101), h.transition_failed('no such model')),
                 ERROR, 'no such model', id='configuring failed'),
    pytest.param(lambda h: (h.transition_failed('no such model'), h.enter('inactive', 101)),
                 OK, 'inactive', id='configuring failed, then succeeded'),
    pytest.param(lambda h: h.set_finding('runtime', WARN, 'onnxruntime runs instead of the GPU'),
                 WARN, 'onnxruntime runs instead of the GPU', id='runtime fallen back'),
    pytest.param(lambda h: (h.set_finding('governor', ERROR, 'hot'), h.clear_finding('governor')),
                 OK, 'waiting for the first frame', id='a finding was dismissed'),
    pytest.param(lambda h: (h.set_finding('runtime', WARN, 'slow'),
                            h.set_finding('governor', ERROR, 'hot')),
                 ERROR, 'hot; slow', id='the worst of several comes first'),
    pytest.param(lambda h: (h.set_finding('runtime', WARN, 'slow'), h.enter('inactive', 101)),
                 OK, 'inactive', id='findings are for active nodes'),
    pytest.param(lambda h: (h.set_finding('runtime', WARN, 'slow'), h.enter('unconfigured', 101),
                            h.enter('active', 101.5)),
                 OK, 'waiting for the first frame', id='another model, other findings'),
    pytest.param(lambda h: (segment(h, [101.5]), h.set_facts(clock=CLOCK_STANDS)),
                 OK, 'segmenting; /clock stands still', id='a clock that stands still'),
])
def test_level_and_message(health, prepare, level, message):
    prepare(health)
    report = health.report(102.0, SILENCE)
    assert (report.level, report.message) == (level, message)


@pytest.mark.parametrize('now, timeout, level, message', [
    pytest.param(103.0, 3.0, OK, 'waiting for the first frame', id='just in time'),
    pytest.param(104.5, 3.0, STALE, 'no frame for 4 s on /image', id='too long'),
    pytest.param(1e4, 0.0, OK, 'waiting for the first frame', id='never warn'),
])
def test_no_camera(health, now, timeout, level, message):
    report = health.report(now, Limits(no_image_timeout=timeout))
    assert (report.level, report.message) == (level, message)


def test_a_camera_that_stops_is_stale_and_one_that_comes_back_is_not(health):
    segment(health, [101.0])
    assert health.report(105.0, SILENCE).level == STALE
    assert values(health.report(105.0, SILENCE))['last_frame_age_s'] == '4.000'
    segment(health, [105.5])
    assert health.report(106.0, SILENCE).level == OK


def test_rate_and_latency_look_back_five_seconds(health):
    segment(health, [100 + i / 10 for i in range(100)], latency=0.010, age=0.040)
    segment(health, [110 + i / 20 for i in range(100)], latency=0.030, inference=0.025,
            age=0.060)
    found = values(health.report(115.0, SILENCE))
    assert (found['rate_hz'], found['latency_p50_ms'], found['age_p50_ms']) == (
        '20.0', '30.0', '60.0')
    assert (found['inference_p50_ms'], found['overhead_p50_ms']) == ('25.0', '5.0')
    assert found['frames_segmented'] == '200'


def test_the_rate_of_the_first_seconds_is_not_understated(health):
    segment(health, [100 + i / 10 for i in range(20)])
    assert values(health.report(102.0, SILENCE))['rate_hz'] == '10.0'


def test_p95_is_that_of_the_slow_frames(health):
    for i in range(100):
        health.frame_segmented(101.0, latency_s=(i + 1) / 1000, inference_s=0.0)
    found = values(health.report(101.0, SILENCE))
    assert float(found['latency_p50_ms']) == pytest.approx(50.5, abs=0.1)
    assert float(found['latency_p95_ms']) == pytest.approx(95.05, abs=0.1)


def test_frames_without_a_stamp_have_no_age(health):
    health.frame_segmented(101.0, latency_s=0.01, inference_s=0.005, age_s=None)
    assert values(health.report(101.0, SILENCE))['age_p50_ms'] == ''


def test_a_bag_that_starts_over_clears_the_window(health):
    segment(health, [101.0, 102.0])
    bad_frame(health, 102.5)
    report = health.report(50.0, SILENCE)
    assert (report.level, values(report)['rate_hz']) == (OK, '0.0')
    segment(health, [50.5])
    assert values(health.report(51.0, SILENCE))['rate_hz'] == '1.0'


def stream(health, seconds, every, latency=0.02, segment_every=1, start=100.0):
    """Let a frame come every so often, of which each ``segment_every``th is segmented."""
    for i in range(round(seconds / every)):
        now = start + i * every
        health.frame_received(now)
        if i % segment_every == 0:
            health.frame_segmented(now, latency, 0.01, 0.05)
        else:
            health.frame_skipped('dropped')


@pytest.mark.parametrize('seconds, every, segment_every, target, expected', [
    pytest.param(6, 0.1, 1, 10.0, (OK, 'segmenting'), id='the target is met'),
    pytest.param(6, 0.1, 2, 10.0,
                 (WARN, '5.0 frames/s segmented, the target is 10 and 10.0 come'),
                 id='half of what comes is segmented'),
    pytest.param(6, 0.1, 2, 5.0, (OK, 'segmenting'), id='more come than are asked for'),
    pytest.param(6, 0.5, 1, 10.0, (OK, 'segmenting'), id='the camera is slower than the target'),
    pytest.param(6, 0.2, 2, 10.0,
                 (WARN, '2.4 frames/s segmented, the target is 10 and 5.0 come'),
                 id='the camera is slow and half of that is segmented'),
    pytest.param(4, 0.1, 2, 10.0, (OK, 'segmenting'), id='too early to tell'),
    pytest.param(6, 0.1, 10, 0.0, (OK, 'segmenting'), id='no target'),
])
def test_rate_under_the_target(health, seconds, every, segment_every, target, expected):
    limits = Limits(target_rate_hz=target)
    health.report(100.0, limits)
    stream(health, seconds, every, segment_every=segment_every)
    report = health.report(100.0 + seconds, limits)
    assert (report.level, report.message) == expected


def test_a_new_target_is_judged_after_a_full_window(health):
    stream(health, 10, 0.1, segment_every=2)
    for start, level in ((110.0, OK), (113.0, OK), (116.0, WARN)):
        stream(health, 3, 0.1, segment_every=2, start=start)
        assert health.report(start + 3, Limits(target_rate_hz=10.0)).level == level


@pytest.mark.parametrize('what, message', [
    pytest.param('unwatched', 'idle: nobody subscribes to the results', id='nobody listens'),
    pytest.param('over_rate', 'segmenting', id='only overlays are wanted, few a second'),
])
def test_seconds_in_which_frames_are_not_wanted_do_not_count_against_the_rate(
        health, what, message):
    limits = Limits(target_rate_hz=10.0)
    health.report(100.0, limits)
    for i in range(60):
        health.frame_received(100.0 + i / 10)
        health.frame_skipped(what, wanted=False)
    report = health.report(106.0, limits)
    assert (report.level, report.message) == (OK, message)
    stream(health, 3, 0.1, start=106.0)
    assert health.report(109.0, limits).level == OK
    stream(health, 3, 0.1, start=109.0)
    assert health.report(112.0, limits).level == OK


@pytest.mark.parametrize('latency, budget, expected', [
    pytest.param(0.080, 100.0, (OK, 'segmenting'), id='within'),
    pytest.param(0.120, 100.0, (WARN, 'latency p95 is 120 ms, the budget 100'), id='over'),
    pytest.param(0.120, 0.0, (OK, 'segmenting'), id='no budget'),
])
def test_latency_over_budget(health, latency, budget, expected):
    limits = Limits(latency_budget_ms=budget)
    health.report(100.0, limits)
    stream(health, 6, 0.1, latency)
    report = health.report(106.0, limits)
    assert (report.level, report.message) == expected


def test_the_first_slow_frames_are_no_latency_over_budget(health):
    limits = Limits(latency_budget_ms=100.0)
    health.report(100.0, limits)
    stream(health, 1, 0.5, latency=0.9)
    assert health.report(101.0, limits).level == OK


def test_an_old_stamp_is_no_latency(health):
    # A bag that is replayed without its clock: the pictures are years old.
    limits = Limits(latency_budget_ms=100.0)
    health.report(100.0, limits)
    for now in range(100, 107):
        health.frame_received(now)
        health.frame_segmented(now, 0.02, 0.01, age_s=1e8)
    assert health.report(106.0, limits).level == OK


ALL = Limits(no_image_timeout=3.0, target_rate_hz=10.0, latency_budget_ms=100.0)


@pytest.mark.parametrize('jump, after', [
    pytest.param(Health.frame_received, 50.0, id='a bag starts over'),
    pytest.param(Health.jumped, 5000.0, id='a bag is wound forward'),
    pytest.param(Health.jumped, 1.7e9, id='a clock comes up'),
])
def test_a_jump_of_the_clock_raises_no_alarm_and_the_camera_is_watched_on(health, jump, after):
    stream(health, 6, 0.1)
    health.report(106.0, ALL)
    jump(health, after)
    for seconds in (0.0, 1.0, 2.0):
        assert health.report(after + seconds, ALL).level == OK
    assert health.report(after + 4.0, ALL).level == STALE
    stream(health, 6, 0.1, start=after + 4.0)
    assert health.report(after + 10.0, ALL).level == OK


def test_a_paused_bag_raises_no_alarm(health):
    stream(health, 6, 0.1)
    for _ in range(100):
        assert health.report(106.0, ALL).level == OK
        assert health.silent_for(106.0) < 0.2


def test_frames_without_end_while_the_clock_stands_take_no_memory_without_end(health):
    for _ in range(10_000):
        health.frame_received(100.0)
        health.frame_segmented(100.0, 0.02, 0.01)
        health.frame_failed(100.0, 'data', 'short')
    assert max(map(len, (health._arrivals, health._results, health._recent_errors))) <= 2000


def test_two_threads_that_read_the_clock_do_not_make_it_jump(health):
    stream(health, 2, 0.1)
    health.frame_received(101.99)
    health.frame_received(101.985)
    assert values(health.report(102.0))['rate_hz'] == '10.0'


def test_what_another_thread_notes_by_the_clock_before_a_jump_does_not_stay(health):
    health.frame_received(50.0)
    health.frame_segmented(101.0, 0.02, 0.01)
    stream(health, 2, 0.1, start=50.0)
    assert values(health.report(52.0))['rate_hz'] == '10.0'


def test_every_frame_is_counted_once(health):
    for i in range(10):
        health.frame_received(101.0 + i / 100)
    for what in ('dropped', 'dropped', 'over_rate', 'unwatched'):
        health.frame_skipped(what)
    health.frame_failed(101.1, 'data', 'short')
    health.frame_failed(101.1, 'inference', 'broken')
    for _ in range(4):
        health.frame_segmented(101.1, 0.01, 0.005)
    found = values(health.report(102.0, SILENCE))
    assert {key: found[key] for key in found if key.startswith(('frames', 'errors'))} == {
        'frames_received': '10', 'frames_segmented': '4', 'frames_dropped': '2',
        'frames_over_rate': '1', 'frames_unwatched': '1', 'errors': '2', 'errors_data': '1',
        'errors_inference': '1'}
    assert found['last_error'] == 'broken'


def test_what_is_no_longer_true_is_forgotten(health):
    health.set_facts(runtime=None)
    assert 'runtime' not in values(health.report(101.0, SILENCE))


def test_the_message_follows_the_convention(health):
    report = health.report(104.5, SILENCE)
    message = diagnostics_message(
        {'segmentation': report}, 'uav1/segmenter', Time(sec=104))
    status, = message.status
    assert status.level == DiagnosticStatus.STALE
    assert status.name == 'uav1/segmenter: segmentation'
    assert status.hardware_id == 'openvino'
    assert message.header.stamp.sec == 104
    assert {v.key: v.value for v in status.values} == values(report)


def test_each_status_has_its_name_and_hardware(health):
    message = diagnostics_message({
        'segmentation': health.report(101.0),
        'machine': HealthStatus(WARN, 'hot', (('board', 'Jetson'),))}, 'segmenter', Time())
    assert [(s.name, s.hardware_id) for s in message.status] == [
        ('segmenter: segmentation', 'openvino'), ('segmenter: machine', 'Jetson')]


@pytest.mark.parametrize('name, expected', [
    pytest.param('segmenter', OK, id='the node'),
    pytest.param('uav1/segmenter', None, id='that of another aircraft'),
])
def test_the_status_that_readers_want_is_found_among_all(health, name, expected):
    machine = HealthStatus(ERROR, 'hot', ())
    message = diagnostics_message(
        {'machine': machine, 'segmentation': health.report(101.0)}, name, Time())
    found = segmenter_status(message)
    assert (found and found['level']) == expected
