"""The node with TensorRT: what it says while an engine is built, and that it lives on."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='ROS 2 is not installed: make setup')

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from live_ros import fresh_domain, NodeProcess, Probe, ROOT  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from tiny_bundle import tiny_labels  # noqa: E402

from effvit_ros.ros.common.codec import image_message, picture_from  # noqa: E402

NODE = '/segmenter'
STAND_IN = Path(__file__).parent / 'stand_in'
ERROR = b'\x02'


class Bench:
    """A segmenter on the simulated GPU, with ears on /diagnostics and its labels."""

    def __init__(self, tmp_path, bundle, **environment):
        domain = fresh_domain()
        self.probe = Probe(domain)
        self.messages, _ = self.probe.collect(DiagnosticArray, '/diagnostics', 100)
        self.labels, _ = self.probe.collect(Image, f'{NODE}/labels')
        self.camera = self.probe.node.create_publisher(Image, 'image', 1)
        self.process = NodeProcess(
            'effvit_ros.ros.segmenter.main', domain, tmp_path / 'log',
            environment={'PYTHONPATH': f'{STAND_IN}:{ROOT}',
                         'EFFVIT_ENGINE_CACHE': str(tmp_path / 'cache'), **environment},
            model=bundle, runtime='tensorrt')

    def said(self, text):
        """Wait until /diagnostics says ``text`` and return the status."""
        return self.probe.until(
            lambda: next((status for message in self.messages for status in message.status
                          if text in status.message), None),
            what=f'"{text}" on /diagnostics')

    def segment(self, pixels):
        """Return the labels that come for a picture."""
        del self.labels[:]

        def shown():
            self.camera.publish(image_message(pixels, 'rgb8', Image().header))
            self.probe.spin(0.1)
            return self.labels
        return picture_from(self.probe.until(shown, what='a label image')[0]).pixels

    def close(self):
        """End the node."""
        self.probe.close()
        return self.process.end()


@pytest.fixture
def start(tmp_path, bundle_folder):
    """Return a function that starts the node with STAND_IN_ settings."""
    benches = []

    def start(**settings):
        benches.append(Bench(tmp_path, bundle_folder,
                             **{'STAND_IN_' + name: value for name, value in settings.items()}))
        return benches[-1]
    yield start
    for bench in benches:
        assert bench.close() == 0, bench.process.log
        assert 'Traceback' not in bench.process.log, bench.process.log
        assert 'MISUSE' not in bench.process.log, bench.process.log


def test_it_builds_on_the_first_start_and_can_be_configured_again_and_again(start):
    bench = start(BUILD='slow 2')
    bench.said('configuring: no tensorrt engine of tiny in')
    bench.process.wait_for_log('built ')
    bench.process.wait_for_log('on TensorRT 10.3.0, Orin (8.7), fp16')
    bench.process.wait_for_log('segmenting /image')
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    for _ in range(3):
        np.testing.assert_array_equal(bench.segment(pixels), tiny_labels(pixels))
        for transition in ('deactivate', 'cleanup', 'configure', 'activate'):
            assert bench.probe.transition(NODE, transition), bench.process.log
    assert bench.process.log.count('built ') == 1


@pytest.mark.parametrize('fault, phrase', [
    pytest.param({'BUILD': 'killed'}, 'most likely for want of memory', id='too-little-memory'),
    pytest.param({'DRIVER': 'no'}, 'no NVIDIA GPU can be used', id='no-gpu',
                 marks=pytest.mark.slow),
])
def test_a_failed_build_is_said_and_the_node_can_be_configured_otherwise(fault, phrase, start):
    bench = start(**fault)
    status = bench.said(phrase)
    assert status.level == ERROR
    assert bench.probe.state(NODE) == 'unconfigured'
    assert bench.probe.set_parameter(NODE, 'runtime', 'onnxruntime').successful
    assert bench.probe.transition(NODE, 'configure')
    assert bench.probe.transition(NODE, 'activate')
    pixels = np.zeros((64, 96, 3), np.uint8)
    np.testing.assert_array_equal(bench.segment(pixels), tiny_labels(pixels))


@pytest.mark.slow
def test_a_node_that_is_asked_to_end_while_it_builds_ends_at_once(start):
    bench = start(BUILD='slow 60')
    bench.said('configuring: no tensorrt engine')
    assert bench.process.end(timeout=10) == 0
