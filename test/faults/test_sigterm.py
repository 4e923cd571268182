"""SIGTERM while something else goes wrong or is under way: always a clean end, exit code 0."""
from __future__ import annotations

import signal
import threading

import pytest
from broken_frames import frames, RAW
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from sensor_msgs.msg import Image
from tiny_bundle import write_tiny_bundle
from watched_node import NODE, noise, PATIENCE_S, picture, WatchedNode

# Each begins something that goes on while the signal comes.


def nothing(node):
    node.process.wait_for_log('segmenting /image', PATIENCE_S)


def segmenting(node):
    node.ready()
    frame = picture(noise(480, 640))
    node.probe.node.create_timer(0.005, lambda: node.show(frame))
    node.probe.until(lambda: len(node.labels) > 5, PATIENCE_S)


def broken_frames(node):
    node.ready()
    source = frames(RAW, 10_000, seed=0)
    node.probe.node.create_timer(0.002, lambda: node.show(next(source)))
    node.probe.spin(0.5)


def subscriber_storm(node):
    node.ready()
    frame = picture(noise())
    node.probe.node.create_timer(0.01, lambda: node.show(frame))
    heard = []

    def come_and_go():
        if len(heard) > 3:
            node.probe.node.destroy_subscription(heard.pop(0))
        heard.append(node.probe.collect(Image, f'{NODE}/overlay')[1])
    node.probe.node.create_timer(0.01, come_and_go)
    node.probe.spin(0.5)


def transitions(node):
    node.ready()
    client = node.probe.node.create_client(ChangeState, f'{NODE}/change_state')
    node.probe.until(client.service_is_ready, PATIENCE_S)
    turn = [Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_ACTIVATE]

    def ask():
        client.call_async(ChangeState.Request(transition=Transition(id=turn[0])))
        turn.reverse()
    node.probe.node.create_timer(0.02, ask)
    node.probe.spin(0.5)


@pytest.mark.slow
@pytest.mark.parametrize('begin', [
    nothing, segmenting, broken_frames, subscriber_storm, transitions],
    ids=lambda begin: begin.__name__)
def test_the_end_is_clean(tmp_path, tiny_bundle, begin):
    node = WatchedNode(tmp_path, model=tiny_bundle)
    end_under_way(node, lambda: begin(node))


@pytest.mark.slow
def test_while_configuring(tmp_path):
    # A model whose graph takes a while to check and compile.
    node = WatchedNode(tmp_path, model=write_tiny_bundle(tmp_path / 'large', 1024, 1024),
                       autostart=False)

    def configure():
        client = node.probe.node.create_client(ChangeState, f'{NODE}/change_state')
        node.probe.until(client.service_is_ready, PATIENCE_S)
        client.call_async(ChangeState.Request(
            transition=Transition(id=Transition.TRANSITION_CONFIGURE)))
    end_under_way(node, configure)


def end_under_way(node, begin):
    try:
        begin()
        result = []
        waiter = threading.Thread(target=lambda: result.append(
            node.process.end(signal.SIGTERM, timeout=PATIENCE_S)))
        waiter.start()
        while waiter.is_alive():
            node.probe.spin(0.05)
        assert result == [0], node.process.log
        for trace in ('Traceback', 'terminate called', 'core dumped', '[FATAL]', 'error:'):
            assert trace not in node.process.log, node.process.log
    finally:
        if node.alive():
            node.process.process.kill()
            node.process.process.wait()
        node.probe.close()
