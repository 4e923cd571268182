"""A segmenter process for the tests of a file, and a participant that watches and steers it."""
from __future__ import annotations

import pytest
from live_ros import fresh_domain, NodeProcess, Probe

NODE = '/segmenter'


@pytest.fixture(scope='module')
def domain():
    return fresh_domain()


@pytest.fixture(scope='module')
def probe(domain):
    probe = Probe(domain)
    yield probe
    probe.close()


@pytest.fixture(scope='module')
def start_segmenter(domain, probe, tiny_bundle, tmp_path_factory):
    """Start a segmenter with these parameters; it must end cleanly after the file's tests."""
    started = []

    def start(**parameters):
        process = NodeProcess(
            'effvit_ros.ros.segmenter.main', domain, tmp_path_factory.mktemp('node') / 'log',
            **{'model': tiny_bundle, **parameters})
        started.append(process)
        process.wait_for_log('segmenting /image', timeout=60)
        return process
    yield start
    for process in started:
        assert process.end(timeout=60) == 0, process.log
        assert 'Traceback' not in process.log, process.log


@pytest.fixture
def subscribe(probe, segmenter):
    """Subscribe to a topic of the file's segmenter for one test; returns the list of messages."""
    made = []

    def subscribe(message_type, name, qos=10):
        messages, subscription = probe.collect(message_type, f'{NODE}/{name}', qos)
        made.append(subscription)
        return messages
    yield subscribe
    for subscription in made:
        probe.node.destroy_subscription(subscription)
