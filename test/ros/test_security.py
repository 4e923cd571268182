"""What the nodes open, what they may do under SROS 2, and that the policy says exactly that."""
from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import cv2
import numpy as np
import pytest
from live_ros import NodeProcess, ROOT

from effvit_ros.ros.mapper.node import TFMessage
from effvit_ros.ros.segmenter.outputs import LabelInfo

POLICY = ROOT / 'config' / 'sros2' / 'policy.xml'
NODE = '/segmenter'
NODES = ('segmenter', 'camera', 'mapper', 'view')
#: (element of the policy, its attribute) -> rclpy's question for the same.
QUESTIONS = {
    ('topics', 'publish'): 'get_publisher_names_and_types_by_node',
    ('topics', 'subscribe'): 'get_subscriber_names_and_types_by_node',
    ('services', 'reply'): 'get_service_names_and_types_by_node',
    ('services', 'request'): 'get_client_names_and_types_by_node',
}
pytestmark = pytest.mark.slow
BARE_NODE = '''
import rclpy
rclpy.init()
node = rclpy.create_node('bare')
print('bare node', flush=True)
rclpy.spin(node)
'''


def allowed(node, kind, qualifier):
    """Return the full names that the policy allows ``node``."""
    profile = ElementTree.parse(str(POLICY)).find(
        f'enclaves/enclave[@path="/effvit"]/profiles/profile[@ns="/"][@node="{node}"]')
    names = set()
    for group in profile.findall(f'{kind}[@{qualifier}="ALLOW"]'):
        for name in (element.text.replace('~/', f'/{node}/') for element in group):
            names.add(name if name.startswith('/') else '/' + name)
    return names


def sockets(pid):
    """Return (protocol, state) of every socket of the process that /proc/net knows."""
    inodes = set()
    for link in Path(f'/proc/{pid}/fd').iterdir():
        try:
            inodes.update(re.findall(r'^socket:\[(\d+)\]$', os.readlink(str(link))))
        except FileNotFoundError:
            pass  # closed meanwhile
    found = []
    for protocol, state, inode in (('tcp', 3, 9), ('tcp6', 3, 9), ('udp', 3, 9), ('udp6', 3, 9),
                                   ('raw', 3, 9), ('unix', 3, 6)):
        for line in Path(f'/proc/{pid}/net/{protocol}').read_text().splitlines()[1:]:
            fields = line.split()
            if fields[inode] in inodes:
                found.append((protocol, fields[state]))
    return found


@pytest.fixture(scope='module')
def segmenter(start_segmenter):
    return start_segmenter()


@pytest.fixture(scope='module')
def camera(domain, probe, tmp_path_factory):
    folder = tmp_path_factory.mktemp('camera')
    for name, shape in (('images', (64, 64, 3)), ('labels', (64, 64))):
        (folder / name).mkdir()
        cv2.imwrite(str(folder / name / 'a.png'), np.zeros(shape, np.uint8))
    process = NodeProcess(
        'effvit_ros.ros.camera.main', domain, folder / 'log', source='folder',
        path=folder / 'images', labels_path=folder / 'labels', rate_hz=1.0)
    process.wait_for_log('at 1 Hz', timeout=60.0)
    yield process
    assert process.end() == 0, process.log


@pytest.fixture(scope='module')
def mapper(domain, tmp_path_factory):
    frames = {} if TFMessage is None else {'map_frame': 'map', 'camera_frame': 'optical'}
    process = NodeProcess(
        'effvit_ros.ros.mapper.main', domain, tmp_path_factory.mktemp('mapper') / 'log',
        mount='gimbal_world', **frames)
    process.wait_for_log('mapping /segmenter/labels', timeout=60.0)
    yield process
    assert process.end() == 0, process.log


@pytest.fixture(scope='module')
def watched_view(domain, tmp_path_factory):
    process = NodeProcess('effvit_ros.ros.view.main', domain,
                          tmp_path_factory.mktemp('view') / 'log', port=0)
    process.wait_for_log('watch at http://127.0.0.1:', timeout=60.0)
    port = int(re.search(r'127\.0\.0\.1:(\d+)', process.log).group(1))
    with socket.create_connection(('127.0.0.1', port)) as browser:
        # A browser as far as the node can tell: it subscribes only while one looks.
        browser.sendall((
            f'GET /socket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n'
            'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
            'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n').encode())
        yield process
    assert process.end() == 0, process.log


def look(probe, node, seen):
    """Add to ``seen`` what ``node`` publishes, hears, answers and asks now."""
    for what, question in QUESTIONS.items():
        seen.setdefault(what, set()).update(
            name for name, _ in getattr(probe.node, question)(node, '/'))
    return seen


@pytest.fixture(scope='module')
def graph(probe, segmenter, camera, mapper, watched_view):
    """Return what the real nodes publish, hear, answer and ask, in all their modes."""
    seen = {node: {} for node in NODES}
    subscribed = {node: lambda node=node: look(probe, node, seen[node])['topics', 'subscribe']
                  for node in seen}
    for node in seen:
        assert probe.set_parameter(f'/{node}', 'use_sim_time', True).successful
        probe.until(lambda: '/clock' in subscribed[node]())
    probe.until(lambda: '/image' in subscribed['segmenter']())
    probe.transition(NODE, 'deactivate')
    probe.set_parameter(NODE, 'image_transport', 'compressed')
    probe.transition(NODE, 'activate')
    probe.until(lambda: '/image/compressed' in subscribed['segmenter']())
    probe.until(lambda: '/segmenter/labels' in subscribed['mapper']())
    probe.transition('/mapper', 'deactivate')
    probe.set_parameter('/mapper', 'labels_transport', 'compressed')
    probe.transition('/mapper', 'activate')
    probe.until(lambda: '/segmenter/labels/compressed' in subscribed['mapper']())
    probe.until(lambda: '/mapper/geojson' in subscribed['view']())
    return seen


@pytest.mark.parametrize('node', NODES)
@pytest.mark.parametrize('kind, qualifier', [
    pytest.param(*question, id='-'.join(question)) for question in QUESTIONS])
def test_the_policy_allows_what_a_node_does_and_nothing_else(graph, node, kind, qualifier):
    permitted, done = allowed(node, kind, qualifier), graph[node][kind, qualifier]
    if LabelInfo is None:
        permitted -= {'/segmenter/labels/label_info', '/segmenter/regions'}
    if TFMessage is None:
        permitted -= {'/tf', '/tf_static'}
    if f'/{node}/get_type_description' not in done:
        permitted.discard(f'/{node}/get_type_description')  # humble's rclpy has none
    assert done == permitted


def test_nothing_listens_but_dds(domain, segmenter, tmp_path):
    with open(str(tmp_path / 'log'), 'wb') as log:
        bare = subprocess.Popen(
            [sys.executable, '-c', BARE_NODE], stdout=subprocess.PIPE, stderr=log,
            env={**os.environ, 'ROS_DOMAIN_ID': str(domain)})
    try:
        assert bare.stdout.readline() == b'bare node\n'
        # No TCP at all, no raw and no Unix sockets; as many UDP ones as DDS needs for any node.
        assert sorted(sockets(segmenter.process.pid)) == sorted(sockets(bare.pid))
        assert {protocol for protocol, _ in sockets(segmenter.process.pid)} == {'udp'}
    finally:
        bare.kill()
        bare.wait()
        bare.stdout.close()


@pytest.mark.parametrize('folder, reason', [
    pytest.param('nowhere', 'keystore/enclaves', id='no keystore'),
    pytest.param('enclaves', 'the node cannot be started', id='an empty keystore'),
])
def test_without_its_keys_an_enforced_node_does_not_start(
        domain, tiny_bundle, tmp_path, folder, reason):
    (tmp_path / 'keystore' / folder).mkdir(parents=True)
    process = NodeProcess(
        'effvit_ros.ros.segmenter.main', domain, tmp_path / 'log', model=tiny_bundle,
        environment={'ROS_SECURITY_ENABLE': 'true', 'ROS_SECURITY_STRATEGY': 'Enforce',
                     'ROS_SECURITY_KEYSTORE': str(tmp_path / 'keystore')})
    assert process.process.wait(60) == 2
    assert 'Traceback' not in process.log
    assert process.log.splitlines()[-1].startswith('error: ')
    assert reason in process.log.splitlines()[-1]


def test_a_pinned_model_is_refused_in_the_node_until_the_pin_is_right(
        probe, segmenter, tiny_bundle):
    digest = subprocess.run(
        ['sha256sum', str(tiny_bundle / 'manifest.yaml')], check=True,
        stdout=subprocess.PIPE, universal_newlines=True).stdout.split()[0]
    refused = probe.set_parameter(NODE, 'model_sha256', digest)
    assert 'model_sha256 takes effect on configure: deactivate and clean up' in refused.reason
    assert probe.transition(NODE, 'deactivate') and probe.transition(NODE, 'cleanup')
    assert 'give the 64 digits' in probe.set_parameter(NODE, 'model_sha256', 'abc').reason
    assert probe.set_parameter(NODE, 'model_sha256', '0' * 64).successful
    assert not probe.transition(NODE, 'configure')
    segmenter.wait_for_log(f'sha256 is {digest}, but {"0" * 64} is pinned')
    assert probe.set_parameter(NODE, 'model_sha256', digest).successful
    assert probe.transition(NODE, 'configure') and probe.transition(NODE, 'activate')


def test_the_policy_is_of_the_version_that_sros2_reads():
    root = ElementTree.parse(str(POLICY)).getroot()
    assert (root.tag, root.get('version')) == ('policy', '0.2.0')
