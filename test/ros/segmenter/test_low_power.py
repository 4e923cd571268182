"""Low power, switched in flight: another model between two frames, another rate at once."""
from __future__ import annotations

import os
import time
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from live_ros import fresh_domain, NodeProcess, Probe, ROOT
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import String
from tiny_bundle import tiny_labels, write_manifest, write_tiny_bundle

from effvit_ros.core.bundle import MANIFEST
from effvit_ros.ros.common.codec import picture_from
from effvit_ros.ros.health.health import segmenter_status

pytestmark = pytest.mark.slow

NODE = '/segmenter'
PATIENCE_S = 60
#: Seconds that loading a model takes here, more than labels may pause on a slow machine.
LOAD_S = 2.5
LONGEST_GAP_S = 2.0
#: Colours that survive resizing to the smaller model's input and back.
PIXELS = np.zeros((64, 64, 3), np.uint8)
PIXELS[:32, :, 0], PIXELS[32:, :32, 1] = 255, 255


def named_bundle(folder, name, size):
    write_tiny_bundle(folder / name, size, size)
    manifest = yaml.safe_load((folder / name / MANIFEST).read_text(encoding='utf-8'))
    write_manifest(folder / name, {**manifest, 'name': name})
    return folder / name


class Flight:
    """A segmenter with a small bundle for low power, under a camera of 20 Hz."""

    def __init__(self, folder):
        domain = fresh_domain()
        self.probe = Probe(domain)
        self.arrivals = []
        self.probe.node.create_subscription(
            Image, f'{NODE}/labels', lambda m: self.arrivals.append((time.monotonic(), m)), 10)
        self._diagnostics, _ = self.probe.collect(DiagnosticArray, '/diagnostics', 100)
        self.legends, _ = self.probe.collect(
            String, f'{NODE}/label_info',
            QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self.process = NodeProcess(
            'troubled_segmenter', domain, folder / 'log', runtime='onnxruntime',
            model=named_bundle(folder, 'large', 64),
            low_power_model=named_bundle(folder, 'small', 32),
            environment={'PYTHONPATH': os.pathsep.join((str(ROOT), str(Path(__file__).parent))),
                         'LOAD_S': str(LOAD_S)})
        self.probe.film(PIXELS)
        self.probe.until(lambda: self.arrivals, PATIENCE_S, 'the first label image')

    def set(self, name, value):
        result = self.probe.set_parameter(NODE, name, value)
        assert result.successful, result.reason

    def told(self, **expected):
        """Wait until the newest values on /diagnostics include these, and return them."""
        def fits():
            values = self._diagnostics and segmenter_status(self._diagnostics[-1])
            return values and expected.items() <= values.items() and values
        return self.probe.until(fits, PATIENCE_S, f'{expected} on /diagnostics')

    def labels_in(self, seconds):
        """Return how many label images come in so many seconds."""
        before = len(self.arrivals)
        self.probe.spin(seconds)
        return len(self.arrivals) - before


@pytest.fixture
def flight(tmp_path):
    flight = Flight(tmp_path)
    yield flight
    flight.probe.close()
    assert flight.process.end() == 0, flight.process.log
    assert 'Traceback' not in flight.process.log


def test_labels_never_pause_while_the_model_is_exchanged(flight):
    for _ in range(2):
        flight.set('low_power', True)
        flight.told(low_power='on, loading', model='large')
        flight.told(low_power='on', model='small')
        flight.set('low_power', False)
        flight.told(low_power='off', model='large')
    flight.probe.spin(0.5)

    times = [arrived for arrived, _ in flight.arrivals]
    assert times[-1] - times[0] > 4 * LOAD_S
    assert max(np.diff(times)) < LONGEST_GAP_S
    stamps = [message.header.stamp.sec for _, message in flight.arrivals]
    assert stamps == sorted(set(stamps))
    expected = tiny_labels(PIXELS)
    assert all(np.array_equal(picture_from(m).pixels, expected) for _, m in flight.arrivals)
    # A legend is told when its model takes over, and told again every few seconds.
    told = [next(name for name in ('large', 'small') if f'of {name};' in legend.data)
            for legend in flight.legends]
    assert [name for name, _ in groupby(told)] == ['large', 'small', 'large', 'small', 'large']
    # Of five models that were loaded, one is left.
    assert flight.process.log.count(' opened') == 5
    flight.probe.until(lambda: flight.process.log.count('session closed') == 4, PATIENCE_S)


def test_a_low_power_model_that_cannot_be_loaded_is_told_of_and_the_old_one_goes_on(flight):
    flight.set('low_power_model', '/no/such/bundle')
    flight.set('low_power', True)
    values = flight.told(low_power='on, but its model cannot be loaded', level=1, model='large')
    assert 'goes on' in values['message'] and '/no/such/bundle' in values['message']
    assert flight.labels_in(1.0) > 0
    flight.set('low_power', False)
    flight.told(low_power='off', level=0)


def test_the_rate_of_low_power_holds_at_once_and_ends_at_once(flight):
    flight.set('low_power_model', '')
    flight.set('low_power_rate', 2.0)
    assert flight.told(admitted_hz='all', limited_by='')
    flight.set('low_power', True)
    assert 1 <= flight.labels_in(2.0) <= 6
    assert flight.told(admitted_hz='2.0', limited_by='low_power_rate', low_power='on')
    flight.set('low_power', False)
    flight.told(admitted_hz='all')
    assert flight.labels_in(2.0) > 8
    assert 'loading' not in flight.process.log
