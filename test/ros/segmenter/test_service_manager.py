"""What systemd is told: a real datagram socket in its place."""
from __future__ import annotations

import os
import socket
from pathlib import Path

import numpy as np
import pytest
from live_ros import fresh_domain, NodeProcess, Probe, ROOT
from sensor_msgs.msg import Image

from effvit_ros.ros.common.sd_notify import ServiceManager

PATHS = os.pathsep.join((str(ROOT), str(Path(__file__).parent)))


class Systemd:
    """Listens as systemd does."""

    def __init__(self, address):
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind('\0' + address[1:] if address.startswith('@') else address)
        self._socket.setblocking(False)
        self._told = []

    def told(self):
        """Return all that was told so far."""
        while True:
            try:
                self._told.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return list(self._told)

    def signs(self):
        """Return how many signs of life came so far."""
        return self.told().count('WATCHDOG=1')

    def close(self):
        self._socket.close()


@pytest.fixture(params=['path', 'abstract'])
def address(request, tmp_path):
    if request.param == 'abstract':
        return f'@effvit-test-{os.getpid()}'
    return str(tmp_path / 'notify')


@pytest.fixture
def systemd(address):
    systemd = Systemd(address)
    yield systemd
    systemd.close()


def manager(systemd, **environment):
    return ServiceManager({'NOTIFY_SOCKET': systemd.address, **environment})


def test_ready_and_status(systemd):
    told = manager(systemd)
    told.status('waiting')
    told.status('waiting')
    told.ready()
    told.ready()
    told.status('two\nlines')
    assert systemd.told() == ['STATUS=waiting', 'READY=1', 'STATUS=two lines']


@pytest.mark.parametrize('address', ['path'], indirect=True)
@pytest.mark.parametrize('environment, expected', [
    pytest.param({'WATCHDOG_USEC': '4000000'}, 3, id='4 s: a sign every 2 s'),
    pytest.param({'WATCHDOG_USEC': '4000000', 'WATCHDOG_PID': str(os.getpid())}, 3, id='for us'),
    pytest.param({'WATCHDOG_USEC': '4000000', 'WATCHDOG_PID': '1'}, 0, id='for another process'),
    pytest.param({'WATCHDOG_USEC': 'soon'}, 0, id='not a number'),
    pytest.param({}, 0, id='no watchdog'),
])
def test_signs_of_life_in_five_seconds(systemd, environment, expected):
    told = manager(systemd, **environment)
    for tenth in range(50):
        told.alive(100 + tenth / 10)
    assert systemd.told() == ['WATCHDOG=1'] * expected


@pytest.mark.parametrize('environment', [
    pytest.param({'WATCHDOG_USEC': '1000000'}, id='not under systemd'),
    pytest.param({'NOTIFY_SOCKET': '/no/such/socket', 'WATCHDOG_USEC': '1000000'},
                 id='nobody listens'),
])
def test_nothing_is_sent_and_nothing_fails(environment):
    told = ServiceManager(environment)
    for tell in (told.ready, lambda: told.alive(1), lambda: told.status('fine')):
        tell()


@pytest.mark.slow
@pytest.mark.parametrize('address', ['path'], indirect=True)
def test_the_node_is_ready_when_it_is_active_and_lives_until_it_is_stuck(
        systemd, tiny_bundle, tmp_path):
    # With its own watchdog off, a stuck inference is left to systemd's.
    domain, release = fresh_domain(), tmp_path / 'release'
    process = NodeProcess(
        'troubled_segmenter', domain, tmp_path / 'log', model=tiny_bundle, runtime='onnxruntime',
        watchdog_timeout=0.0,
        environment={'NOTIFY_SOCKET': systemd.address, 'WATCHDOG_USEC': '1000000',
                     'STUCK_AT': '2', 'RELEASE': str(release), 'PYTHONPATH': PATHS})
    probe = Probe(domain)
    try:
        probe.until(lambda: 'READY=1' in systemd.told(), timeout=60)
        assert 'segmenting /image' in process.log
        before = systemd.signs()
        probe.until(lambda: systemd.signs() > before + 2, what='signs of life')
        assert 'STATUS=waiting for the first frame' in systemd.told()

        labels, _ = probe.collect(Image, '/segmenter/labels')
        probe.film(np.zeros((64, 64, 3), np.uint8))
        probe.until(lambda: 'inference 2 is stuck' in process.log, timeout=60)
        probe.spin(1.5)
        stuck = systemd.signs()
        probe.spin(2.0)
        assert systemd.signs() == stuck
        release.touch()
        probe.until(lambda: labels and systemd.signs() > stuck + 1, what='life again')
        assert process.end() == 0, process.log
        # systemd would take it for the end of the service, which a launch file outlives.
        assert 'STOPPING=1' not in systemd.told()
    finally:
        probe.close()
        if process.process.poll() is None:
            process.process.kill()
            process.process.wait()
