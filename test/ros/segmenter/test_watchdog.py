"""Inference that gets stuck in a real process: rebuilt, or ended for a new process to start."""
from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import TransitionEvent
from live_ros import fresh_domain, NodeProcess, Probe, ROOT
from sensor_msgs.msg import Image
from tiny_bundle import tiny_labels

from effvit_ros.ros.common.codec import picture_from
from effvit_ros.ros.health.health import segmenter_status
from effvit_ros.ros.segmenter.node import EXIT_INFERENCE_LOST

pytestmark = pytest.mark.slow

PATIENCE_S = 60
ERROR = 2
PIXELS = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


class Bench:
    """A segmenter whose runtime has trouble, a camera of 20 Hz and ears on all it tells."""

    def __init__(self, folder, model, trouble, **parameters):
        domain = fresh_domain()
        self.probe = Probe(domain)
        self.labels, _ = self.probe.collect(Image, '/segmenter/labels')
        self._diagnostics, _ = self.probe.collect(DiagnosticArray, '/diagnostics', 100)
        self._events, _ = self.probe.collect(
            TransitionEvent, '/segmenter/transition_event', 100)
        self.process = NodeProcess(
            'troubled_segmenter', domain, folder / 'log', model=model, runtime='onnxruntime',
            environment={'PYTHONPATH': os.pathsep.join((str(ROOT), str(Path(__file__).parent))),
                         **trouble}, **parameters)
        self.probe.film(PIXELS)

    @property
    def told(self):
        """Return what /diagnostics told so far, oldest first, as dictionaries."""
        return [segmenter_status(message) for message in self._diagnostics]

    @property
    def states(self):
        """Return the lifecycle states that were entered."""
        return [event.goal_state.label for event in self._events]

    def until(self, condition, what):
        return self.probe.until(condition, PATIENCE_S, what)

    def close(self):
        self.probe.close()
        if self.process.process.poll() is None:
            self.process.process.kill()
            self.process.process.wait()


@pytest.fixture
def bench(tmp_path, tiny_bundle):
    made = []

    def start(watchdog_timeout=0.5, **trouble):
        made.append(Bench(tmp_path, tiny_bundle, trouble, watchdog_timeout=watchdog_timeout))
        return made[-1]
    yield start
    for bench in made:
        bench.close()


def test_a_runtime_that_gets_stuck_once_is_rebuilt_and_good_frames_are_answered(bench, tmp_path):
    release = tmp_path / 'release'
    bench = bench(STUCK_AT='4', RELEASE=str(release))
    bench.until(lambda: 'inference 4 is stuck' in bench.process.log, 'a stuck frame')
    found = bench.until(
        lambda: next((told for told in bench.told if 'is stuck in one frame' in told['message']),
                     None), 'the watchdog on /diagnostics')
    assert found['level'] == ERROR
    assert 'watchdog_timeout 0.5): building the runtime anew' in bench.process.log
    bench.process.wait_for_log('the runtime was built anew', PATIENCE_S)

    del bench.labels[:]
    answers = bench.until(lambda: len(bench.labels) > 10 and list(bench.labels), 'labels again')
    assert all(np.array_equal(picture_from(a).pixels, tiny_labels(PIXELS)) for a in answers)
    # Clears up within the five seconds that errors are looked back at.
    latest = bench.until(lambda: bench.told[-1]['level'] == 0 and bench.told[-1], 'OK again')
    assert (latest['watchdog_rebuilds'], latest['errors_stuck']) == ('1', '1')
    assert bench.probe.state('/segmenter') == 'active'

    # The thread that comes back publishes nothing, releases its model and is gone.
    newest = bench.labels[-1].header.stamp.sec
    del bench.labels[:]
    release.touch()
    bench.process.wait_for_log('session closed', PATIENCE_S)
    bench.until(lambda: len(bench.labels) > 5, 'labels after that')
    assert min(label.header.stamp.sec for label in bench.labels) > newest
    assert bench.process.end() == 0, bench.process.log
    assert bench.process.log.count('opened') == bench.process.log.count('closed') == 2
    assert 'Traceback' not in bench.process.log


@pytest.mark.parametrize('trouble, told', [
    # Inferences 1, 3 and 5 are those that warm a session up.
    pytest.param({'STUCK_AT': '2,4,6'}, '3 times now: giving up', id='stuck in every frame'),
    pytest.param({'STUCK_AT': '2', 'NO_SESSION': '2'},
                 'cannot be built anew: the device is lost', id='the runtime cannot be built'),
])
def test_what_cannot_be_rebuilt_goes_through_errorprocessing_and_ends_the_process(
        bench, trouble, told):
    bench = bench(**trouble)
    code = bench.until(lambda: bench.process.process.poll() is not None, 'the end')
    assert bench.process.process.returncode == EXIT_INFERENCE_LOST, (code, bench.process.log)
    assert f'{told}; ending with exit code 75' in bench.process.log
    assert 'Traceback' not in bench.process.log
    bench.probe.spin(0.5)
    assert bench.states[-3:] == ['deactivating', 'errorprocessing', 'finalized']
    assert bench.told[-1]['level'] == ERROR
    assert told in bench.told[-1]['message']


def test_a_stuck_node_still_ends_when_it_is_asked_to(bench):
    bench = bench(watchdog_timeout=0.0, STUCK_FROM='2')
    bench.until(lambda: 'inference 2 is stuck' in bench.process.log, 'a stuck frame')
    assert bench.process.end(timeout=PATIENCE_S) == 0
    assert 'left behind' in bench.process.log
