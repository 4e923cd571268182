"""Inference that gets stuck in a real process, which ends for a new one to start."""
from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import TransitionEvent
from live_ros import fresh_domain, NodeProcess, Probe, ROOT
from sensor_msgs.msg import Image

from effvit_ros.ros.health.health import segmenter_status
from effvit_ros.ros.segmenter.node import EXIT_INFERENCE_STUCK

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


def test_stuck_inference_goes_through_errorprocessing_and_ends_the_process(bench):
    bench = bench(STUCK_AT='4')
    code = bench.until(lambda: bench.process.process.poll() is not None, 'the end')
    assert bench.process.process.returncode == EXIT_INFERENCE_STUCK, (code, bench.process.log)
    found = 'inference is stuck in one frame for '
    assert found in bench.process.log
    assert '(watchdog_timeout 0.5); ending with exit code 75' in bench.process.log
    assert 'Traceback' not in bench.process.log
    bench.until(lambda: bench.told and bench.told[-1]['level'] == ERROR, 'the last word')
    assert bench.labels  # of the frames before
    assert bench.states[-3:] == ['deactivating', 'errorprocessing', 'finalized']
    assert found in bench.told[-1]['message']


def test_a_stuck_node_still_ends_when_it_is_asked_to(bench):
    bench = bench(watchdog_timeout=0.0, STUCK_FROM='2')
    bench.until(lambda: 'inference 2 is stuck' in bench.process.log, 'a stuck frame')
    assert bench.process.end(timeout=PATIENCE_S) == 0
    assert 'left behind' in bench.process.log


def test_a_node_that_was_paused_is_not_stuck(bench, tmp_path):
    # As docker pause, a debugger or a program of real-time priority does it.
    release = tmp_path / 'release'
    bench = bench(watchdog_timeout=3.0, STUCK_AT='3', RELEASE=str(release))
    bench.until(lambda: 'inference 3 is stuck' in bench.process.log, 'a frame in work')
    bench.process.process.send_signal(signal.SIGSTOP)
    time.sleep(3.5)
    bench.process.process.send_signal(signal.SIGCONT)
    bench.probe.spin(0.8)  # the watchdog looks every 0.5 s
    release.touch()
    heard = len(bench.labels)
    bench.until(lambda: len(bench.labels) > heard + 3, 'labels of later frames')
    assert bench.process.end() == 0, bench.process.log
    assert 'stuck in one frame' not in bench.process.log
