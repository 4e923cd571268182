"""The alert bridge as a real process: alerts in over DDS, MAVLink out."""
from __future__ import annotations

import os
import pty
import socket
import sys
import time
import tty

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from live_ros import fresh_domain, NodeProcess, Probe
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Header

from effvit_ros.core.alerts import Alert, CLEARED, RAISED
from effvit_ros.core.errors import UserError
from effvit_ros.ros.segmenter.alert_topic import alerts_in, alerts_message
from effvit_ros.telemetry.mavlink_link import MavlinkLink
from effvit_ros.telemetry.ports import open_port

MODULE = 'effvit_ros.telemetry.alert_bridge'
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def mavlink():
    """Return the dialect, which packs and parses messages."""
    pytest.importorskip('pymavlink', reason="pymavlink is not installed: pip install '.[mavlink]'")
    from pymavlink.dialects.v20 import common
    return common


@pytest.fixture
def probe():
    domain = fresh_domain()
    probe = Probe(domain)
    probe.domain = domain
    yield probe
    probe.close()


@pytest.fixture
def alerts(probe):
    return probe.node.create_publisher(DiagnosticArray, '/segmenter/alerts', LATCHED)


class GroundStation:
    """Parses MAVLink that is sent to a UDP socket or through a pseudo terminal."""

    def __init__(self, mavlink, read):
        self._parser, self._read = mavlink.MAVLink(None), read
        self._parser.robust_parsing = True
        self.messages = []

    def look(self):
        """Take in what has come."""
        while True:
            try:
                data = self._read()
            except BlockingIOError:
                return True
            self.messages += self._parser.parse_buffer(data) or []

    def texts(self):
        self.look()
        return [(m.severity, m.text) for m in self.messages if m.get_type() == 'STATUSTEXT']

    def heartbeats(self):
        self.look()
        return [m for m in self.messages if m.get_type() == 'HEARTBEAT']


@pytest.fixture
def udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(('127.0.0.1', 0))
        sock.setblocking(False)
        yield sock


def message(*alerts):
    return alerts_message([Alert(*alert) for alert in alerts], Header(frame_id='camera'))


def bridge(probe, tmp_path, **parameters):
    return NodeProcess(MODULE, probe.domain, tmp_path / 'log', **parameters)


def test_alerts_become_status_texts_of_the_vehicle(probe, alerts, mavlink, udp, tmp_path):
    station = GroundStation(mavlink, lambda: udp.recv(4096))
    # Raised before the bridge starts: it learns the present state.
    alerts.publish(message(('person', RAISED, 0.0123)))
    process = bridge(probe, tmp_path, address=f'udpout:127.0.0.1:{udp.getsockname()[1]}',
                     system_id=7, max_rate=20.0)
    assert probe.until(station.texts, 60) == [(2, 'person seen: 1.23% of picture')]
    alerts.publish(message(('person', CLEARED, 0.0), ('water', RAISED, 0.5)))
    probe.until(lambda: len(station.texts()) == 3)
    assert station.texts()[1:] == [(4, 'water seen: 50% of picture'), (6, 'person gone')]
    beat = probe.until(station.heartbeats)[0]
    assert (beat.get_srcSystem(), beat.get_srcComponent(), beat.type) == (
        7, 191, mavlink.MAV_TYPE_ONBOARD_CONTROLLER)
    assert {m.get_srcSystem() for m in station.messages} == {7}
    assert process.end(timeout=60) == 0, process.log
    assert 'critical: person seen: 1.23% of picture' in process.log
    assert 'Traceback' not in process.log, process.log


@pytest.mark.slow
def test_texts_are_spread_out_to_the_rate(probe, alerts, mavlink, udp, tmp_path):
    station = GroundStation(mavlink, lambda: udp.recv(4096))
    process = bridge(probe, tmp_path, address=f'udpout:127.0.0.1:{udp.getsockname()[1]}',
                     max_rate=2.0)
    process.wait_for_log('MAVLink to', timeout=60)
    alerts.publish(message(*[(f'thing {i}', RAISED, 0.5) for i in range(4)]))
    arrivals = []

    def all_came():
        arrivals.extend([time.monotonic()] * (len(station.texts()) - len(arrivals)))
        return len(arrivals) == 4
    probe.until(all_came, 60)
    # Arriving late is the machine's affair, arriving early would be the bridge's.
    assert arrivals[-1] - arrivals[0] > 1.0
    assert process.end(timeout=60) == 0, process.log


@pytest.mark.slow
def test_a_serial_device_that_goes_away_is_survived(mavlink, probe, alerts, tmp_path):
    pytest.importorskip('serial', reason="pyserial is not installed: pip install '.[mavlink]'")
    master, slave = pty.openpty()
    tty.setraw(master)
    os.set_blocking(master, False)
    station = GroundStation(mavlink, lambda: os.read(master, 4096))
    process = bridge(probe, tmp_path, address=os.ttyname(slave), max_rate=20.0)
    try:
        process.wait_for_log('MAVLink to /dev/', timeout=60)
        alerts.publish(message(('person', RAISED, 0.5)))
        assert probe.until(station.texts, 60) == [(2, 'person seen: 50% of picture')]
    finally:
        os.close(slave)
        os.close(master)
    process.wait_for_log('the link is down, trying again', timeout=60)
    assert process.process.poll() is None
    assert process.end(timeout=60) == 0, process.log
    assert 'Traceback' not in process.log, process.log


@pytest.mark.slow
@pytest.mark.parametrize('parameters, line', [
    pytest.param({'address': 'udpin:0.0.0.0:14550'},
                 "error: address is 'udpin:0.0.0.0:14550': give udpout:HOST:PORT or a serial",
                 id='it does not listen'),
    pytest.param({'link': 'smoke'}, "error: parameter link is 'smoke': give mavlink | mavros",
                 id='unknown link'),
    pytest.param({'severities': 'person=loud'}, "error: parameter severities: 'person=loud'",
                 id='unknown severity'),
])
def test_a_users_mistake_is_one_line_and_exit_code_2(probe, tmp_path, parameters, line):
    process = bridge(probe, tmp_path, **parameters)
    assert process.process.wait(60) == 2
    assert line in process.log
    assert len(process.log.strip().splitlines()) == 1, process.log


@pytest.mark.parametrize('address', ['udpout:127.0.0.1:14550', 'udpout:localhost:1'])
def test_addresses(address):
    open_port(address, 57600).close()


@pytest.mark.parametrize('address', [
    'udp:127.0.0.1:14550', 'udpin:0.0.0.0:14550', 'tcpin:0.0.0.0:5760', '14550', 'udpout:14550',
    'udpout:127.0.0.1:', 'udpout::14550', 'udpout:127.0.0.1:70000', 'udpout:127.0.0.1:0', ''])
def test_an_address_that_cannot_be_used_is_named(address):
    with pytest.raises(UserError, match=f"address is '{address}': give udpout:HOST:PORT or"):
        open_port(address, 57600)


@pytest.mark.parametrize('address', ['udpout:..:14550', '/dev/ttyNONE'])
def test_a_host_or_device_that_is_not_there_is_named(address):
    pytest.importorskip('serial', reason='pyserial is not installed')
    with pytest.raises(UserError, match=f'address {address}: '):
        open_port(address, 57600)


@pytest.mark.parametrize('missing, address, words', [
    ('pymavlink.dialects.v20', 'udpout:127.0.0.1:1', 'pymavlink is not installed: pip install'),
    ('serial', '/dev/ttyUSB99', 'pyserial is not installed'),
])
def test_what_is_not_installed_is_named(monkeypatch, missing, address, words):
    if missing == 'serial':
        pytest.importorskip('pymavlink', reason='pymavlink is not installed')
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UserError, match=words):
        MavlinkLink(address, 57600, 1, 191)


def test_alerts_read_as_they_were_written():
    alerts = (Alert('person', RAISED, 0.25), Alert('water', CLEARED, 0.0))
    assert alerts_in(message(*alerts)) == alerts
