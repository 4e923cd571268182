"""The governor in a real process: made-up temperatures, real CPU time."""
from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from live_ros import fresh_domain, NodeProcess, Probe, ROOT
from sensor_msgs.msg import Image
from tiny_bundle import write_tiny_bundle

from effvit_ros.ros.health.health import segmenter_status

pytestmark = pytest.mark.slow

NODE = '/segmenter'
PATIENCE_S = 60
OK, WARN = 0, 1


@pytest.fixture
def zone(tmp_path):
    """Return the file of a thermal zone, at 50 degrees."""
    folder = tmp_path / 'sys' / 'class' / 'thermal' / 'thermal_zone0'
    folder.mkdir(parents=True)
    (folder / 'type').write_text('CPU-therm\n')
    (folder / 'temp').write_text('50000\n')
    return folder / 'temp'


@pytest.fixture
def probe(tmp_path, zone):
    """Start a segmenter under a camera of 20 Hz; returns a participant beside it."""
    domain = fresh_domain()
    probe = Probe(domain)
    process = NodeProcess(
        'troubled_segmenter', domain, tmp_path / 'log', runtime='onnxruntime', threads=1,
        model=write_tiny_bundle(tmp_path / 'bundle', 256, 256),
        environment={'PYTHONPATH': os.pathsep.join((str(ROOT), str(Path(__file__).parent))),
                     'SYSFS': str(tmp_path / 'sys')})
    probe.film(np.zeros((64, 64, 3), np.uint8))
    labels, _ = probe.collect(Image, f'{NODE}/labels')
    probe.until(lambda: labels, PATIENCE_S, 'labels')
    yield probe
    probe.close()
    assert process.end() == 0, process.log
    assert 'Traceback' not in process.log


def test_heat_and_cpu_time_slow_the_node_down_until_the_limits_are_lifted(probe, zone):
    told, _ = probe.collect(DiagnosticArray, '/diagnostics')

    def until(fits, what):
        return probe.until(
            lambda: (lambda v: v and fits(v) and v)(told and segmenter_status(told[-1])),
            PATIENCE_S, what)

    def set_parameter(name, value):
        assert probe.set_parameter(NODE, name, value).successful

    set_parameter('max_temperature', 80.0)
    until(lambda v: v.get('admitted_hz') == 'all' and v['limited_by'] == '', 'no limit at 50 C')
    zone.write_text('91000\n')
    values = until(lambda v: v['admitted_hz'] != 'all', 'a limit at 91 C')
    assert values['limited_by'] == 'max_temperature: 91 C, the limit is 80'
    assert values['level'] == WARN
    assert f"slowed to {values['admitted_hz']} frames/s for max_temp" in values['message']
    first = float(values['admitted_hz'])
    until(lambda v: float(v['admitted_hz']) < 0.9 * first, 'a lower rate while it stays hot')
    over_rate = int(segmenter_status(told[-1])['frames_over_rate'])
    until(lambda v: int(v['frames_over_rate']) > over_rate, 'frames put aside')
    set_parameter('max_temperature', 0.0)
    until(lambda v: v['admitted_hz'] == 'all' and v['level'] == OK, 'no limit')

    # Less than the node uses without a frame: the lowest rate is left.
    set_parameter('max_cpu', 0.1)
    values = until(lambda v: v['limited_by'].startswith('max_cpu: '), 'a limit for CPU time')
    assert float(values['admitted_hz']) >= 1.0
    assert 'slowed' not in values['message']
    set_parameter('max_cpu', 0.0)
    until(lambda v: v['admitted_hz'] == 'all', 'no limit')
