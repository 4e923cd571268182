"""The levels on /diagnostics of a real node, by a clock that the test drives."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from live_ros import fresh_domain, NodeProcess, Probe, ROOT
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image

from effvit_ros.ros.common.codec import image_message
from effvit_ros.ros.health.level import OK, STALE, WARN

NODE = '/segmenter'
#: Seconds that what must come may take on a slow machine.
PATIENCE_S = 90.0
pytestmark = pytest.mark.slow


class Bag:
    """A bag player's /clock and pictures, 20 Hz."""

    def __init__(self, probe):
        self._probe = probe
        self._clock = probe.node.create_publisher(Clock, '/clock', 10)
        self._image = probe.node.create_publisher(Image, 'image', 10)
        self._frame = image_message(np.zeros((64, 64, 3), np.uint8), 'rgb8', Image().header)
        self.now = 0.0

    def play(self, seconds, pictures=True, speed=1.0):
        """Let so many seconds pass by /clock, at that many times the speed of anybody's."""
        for _ in range(round(seconds * 20)):
            self.now += 0.05
            stamp = Time(sec=int(self.now), nanosec=int(self.now % 1 * 1e9))
            self._clock.publish(Clock(clock=stamp))
            if pictures:
                self._frame.header.stamp = stamp
                self._image.publish(self._frame)
            self._probe.spin(0.05 / speed)


@pytest.fixture(scope='module')
def segmenter(start_segmenter):
    return start_segmenter(no_image_timeout=1.0, use_sim_time=True)


@pytest.fixture(scope='module')
def labels(probe, segmenter):
    return probe.collect(Image, f'{NODE}/labels')[0]


@pytest.fixture(scope='module')
def statuses(probe, segmenter):
    """Return the list of (level, message) of the first status, which grows by itself."""
    found = []
    probe.statuses = probe.node.create_subscription(
        DiagnosticArray, '/diagnostics',
        lambda m: found.append((m.status[0].level[0], m.status[0].message)), 10)
    return found


@pytest.fixture(scope='module')
def bag(probe, segmenter, labels):
    return Bag(probe)


def test_without_a_clock_nothing_is_alarmed_of_and_that_is_told(probe, statuses):
    expected = 'waiting for the first frame; /clock stands still'
    probe.until(lambda: len(statuses) >= 4 and statuses[-1][1] == expected, PATIENCE_S)
    assert {level for level, _ in statuses} == {OK}


@pytest.mark.parametrize('start', [
    pytest.param(1_700_000_000.0, id='a bag comes up'),
    pytest.param(1_600_000_000.0, id='another one, which is older'),
    pytest.param(1_600_000_900.0, id='wound forward'),
])
def test_a_replayed_bag_raises_no_alarm_when_its_clock_jumps(
        probe, bag, labels, statuses, start):
    del statuses[:], labels[:]
    bag.now = start
    # The first report after the jump comes before the first picture.
    probe.until(lambda: bag.play(0.05, pictures=False, speed=0.4) or statuses)
    bag.play(2.5)
    probe.until(lambda: labels and statuses)
    assert {level for level, _ in statuses} == {OK}, statuses


def test_a_paused_bag_raises_no_alarm(probe, bag, statuses):
    bag.play(0.5)
    del statuses[:]
    probe.until(lambda: len(statuses) >= 4 and statuses[-1][1].endswith('; /clock stands still'),
                PATIENCE_S)
    assert {level for level, _ in statuses} == {OK}


def test_a_camera_that_falls_silent_while_the_clock_runs_is_stale(probe, bag, statuses):
    bag.play(0.5)
    del statuses[:]
    probe.until(lambda: bag.play(0.5, pictures=False) or STALE in {s[0] for s in statuses},
                PATIENCE_S)
    del statuses[:]
    probe.until(lambda: bag.play(1.0) or statuses and statuses[-1] == (OK, 'segmenting'),
                PATIENCE_S)


def test_a_latency_over_the_budget_is_a_warning_until_the_budget_allows_it(
        probe, bag, statuses):
    for budget, level in ((0.001, WARN), (60000.0, OK)):
        assert probe.set_parameter(NODE, 'latency_budget_ms', budget).successful
        del statuses[:]
        probe.until(lambda: bag.play(1.0, speed=4.0) or level in {s[0] for s in statuses},
                    PATIENCE_S)
        assert ('latency p95' in statuses[-1][1]) == (level == WARN)


def test_the_machine_has_a_status_of_its_own(probe, segmenter, statuses):
    messages, subscription = probe.collect(DiagnosticArray, '/diagnostics')

    def machine():
        found = messages and messages[-1].status[-1]
        return found and {v.key: v.value for v in found.values}, found
    probe.until(lambda: machine()[1])
    values, status = machine()
    assert status.name == 'segmenter: machine'
    assert float(values['rss_mb']) > 10 and int(values['open_files']) > 3
    assert probe.set_parameter(NODE, 'max_memory_mb', 1).successful
    probe.until(lambda: 'max_memory_mb is 1' in machine()[1].message)
    assert machine()[1].level[0] >= WARN
    probe.node.destroy_subscription(subscription)


def test_running_on_the_cpu_beside_a_gpu_is_a_warning(tiny_bundle, tmp_path):
    domain = fresh_domain()
    probe = Probe(domain)
    messages, _ = probe.collect(DiagnosticArray, '/diagnostics')
    process = NodeProcess(
        'segmenter_beside_gpu', domain, tmp_path / 'log', model=tiny_bundle,
        environment={'PYTHONPATH': f'{Path(__file__).parent}:{ROOT}'})
    status = probe.until(
        lambda: messages and messages[-1].status[0].level[0] and messages[-1].status[0],
        PATIENCE_S, 'a warning')
    assert status.level[0] == WARN
    assert status.hardware_id in ('openvino', 'onnxruntime')
    assert status.message.startswith(f'{status.hardware_id} runs instead of the GPU: ')
    probe.close()
    assert process.end() == 0, process.log
