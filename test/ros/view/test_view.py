"""The page: what it sends, to whom, and that it costs nothing while nobody looks."""
from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import time

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from headless import Browser
from live_ros import fresh_domain, NodeProcess, Probe
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from effvit_ros.core.alerts import Alert, Place, RAISED
from effvit_ros.core.errors import UserError
from effvit_ros.ros.segmenter.alert_topic import alerts_message

aiohttp = pytest.importorskip('aiohttp', reason="the page needs pip install '.[view]'")

from effvit_ros.ros.view.server import is_loopback, PageServer  # noqa: E402

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def server():
    made = PageServer('127.0.0.1', 0, '')
    yield made
    made.close()


def ask(url, headers=None):
    async def get():
        async with aiohttp.ClientSession() as session:
            async with session.get(url, headers=headers) as answer:
                return answer.status, await answer.text(), answer.headers
    return asyncio.run(get())


def listen(server, act, count):
    """Return the first ``count`` messages of a browser that comes before ``act()``."""
    async def run():
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(server.url + 'socket') as ws:
                while not server.watched:
                    await asyncio.sleep(0.01)
                act()
                return [(await ws.receive(timeout=5)).data for _ in range(count)]
    return asyncio.run(run())


def test_the_page_loads_nothing_from_elsewhere(server):
    status, page, headers = ask(server.url)
    assert status == 200
    assert re.findall(r'(?:src|href)="([^"]+)"', page) == ['leaflet.css', 'leaflet.js']
    assert "default-src 'none'" in headers['Content-Security-Policy']
    for name in ('leaflet.js', 'leaflet.css'):
        assert ask(server.url + name)[0] == 200


def test_a_browser_gets_what_is_told_and_what_was_told_before(server):
    server.tell('legend', {'person': '#ff0000'})
    got = listen(server, lambda: server.tell('picture', b'jpeg', keep=False), 2)
    assert json.loads(got[0]) == {'legend': {'person': '#ff0000'}} and got[1] == b'jpeg'


def test_a_slow_browser_misses_pictures_instead_of_queueing_them(server):
    async def run():
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(server.url + 'socket') as ws:
                while not server.watched:
                    await asyncio.sleep(0.01)
                # Not read meanwhile: what the network takes is bounded, the rest is replaced.
                big = bytes(200_000)
                for number in range(400):
                    server.tell('picture', b'%03d' % number + big, keep=False)
                    time.sleep(0.001)
                server.tell('end', True)
                got = []
                while True:
                    data = (await ws.receive(timeout=10)).data
                    if isinstance(data, str):
                        return got
                    got.append(int(data[:3]))
    got = asyncio.run(run())
    assert got == sorted(set(got)) and got[-1] == 399
    assert len(got) < 200


def test_nobody_watches_any_more_when_the_browser_left(server):
    listen(server, lambda: server.tell('a', 1), 1)
    for _ in range(200):
        if not server.watched:
            return
        asyncio.run(asyncio.sleep(0.02))
    raise AssertionError('the server still believes in a browser')


@pytest.mark.parametrize('headers, status', [
    ({}, 200), ({'Host': 'evil.example'}, 403), ({'Origin': 'http://evil.example'}, 403)])
def test_other_sites_cannot_read_it(server, headers, status):
    assert ask(server.url, headers)[0] == status


def test_beyond_loopback_a_token_is_asked_for():
    server = PageServer('0.0.0.0', 0, 'secret')
    try:
        page = f'http://127.0.0.1:{server.port}/'
        assert ask(page)[0] == 403
        assert ask(page + '?token=wrong')[0] == 403
        assert ask(page + '?token=secret')[0] == 200
        assert ask(page + 'socket')[0] == 403
    finally:
        server.close()


def test_a_port_that_is_taken_is_one_line():
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        with pytest.raises(UserError, match='cannot listen on 127.0.0.1'):
            PageServer('127.0.0.1', taken.getsockname()[1], '')


@pytest.mark.parametrize('host, own', [
    ('127.0.0.1', True), ('localhost', True), ('::1', True), ('0.0.0.0', False),
    ('192.168.1.4', False), ('drone.example', False)])
def test_what_is_loopback(host, own):
    assert is_loopback(host) is own


@pytest.fixture
def probe():
    probe = Probe(fresh_domain())
    yield probe
    probe.close()


@pytest.mark.slow
def test_the_real_node_shows_pictures_in_a_real_browser(probe, tmp_path):
    chromium = shutil.which('chromium') or shutil.which('chromium-browser')
    if chromium is None:
        pytest.skip('no Chromium here: apt install chromium')
    node = NodeProcess('effvit_ros.ros.view.main', probe.node.context.get_domain_id(),
                       tmp_path / 'log', port=0)
    picture = np.full((120, 160, 3), (40, 200, 40), np.uint8)
    jpeg = cv2.imencode('.jpg', picture)[1].tobytes()
    overlay = probe.node.create_publisher(CompressedImage, 'segmenter/overlay/compressed', 1)
    alerts = probe.node.create_publisher(DiagnosticArray, 'mapper/alerts', LATCHED)
    alert = Alert('person', RAISED, 0.0, Place(47.05831, 15.45712, 5.6), 'person 1')

    def publish():
        overlay.publish(CompressedImage(format='jpeg', data=jpeg))
        alerts.publish(alerts_message((alert,), Header()))
    try:
        node.wait_for_log('watch at http://127.0.0.1:', 60)
        probe.spin(1.5)
        assert overlay.get_subscription_count() == 0, 'nobody looks yet'
        url = re.search(r'watch at (\S+)', node.log)[1]
        probe.node.create_timer(0.1, publish)
        browser = Browser(chromium, tmp_path / 'profile', url)
        try:
            text = probe.until(lambda: browser.shows('pictures/s shown', '47.05831'), 120,
                               'the page')
            assert 'person at 47.05831, 15.45712' in text
            assert browser.evaluate("document.getElementById('frame').naturalWidth") == 160
        finally:
            browser.close()
        probe.until(lambda: overlay.get_subscription_count() == 0, 20, 'the end of watching')
    finally:
        assert node.end() == 0, node.log
