"""MAVROS and PX4: what is published, with stand-ins for message packages that need a ROS build."""
from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from std_msgs.msg import Header

from effvit_ros.core.errors import UserError
from effvit_ros.telemetry.ros_links import MavrosLink, Px4Link
from effvit_ros.telemetry.status_text import StatusText


class StatusTextMessage:
    """The fields of mavros_msgs/StatusText."""

    def __init__(self, severity=0, text=''):
        self.header, self.severity, self.text = Header(), severity, text


class MavlinkLog:
    """The fields of px4_msgs/MavlinkLog; rosidl makes fixed arrays of bytes NumPy arrays."""

    def __init__(self, severity=0):
        self.timestamp, self.severity, self.text = 0, severity, np.zeros(127, np.uint8)


class Node:
    """Takes down what is published; the time is always 2 s."""

    def __init__(self):
        self.published = []

    def create_publisher(self, _type, topic, _qos):
        return SimpleNamespace(topic_name='/' + topic, publish=self.published.append)

    def get_clock(self):
        stamp = Header().stamp
        stamp.sec = 2
        return SimpleNamespace(now=lambda: SimpleNamespace(
            nanoseconds=2_000_000_000, to_msg=lambda: stamp))


def provide(monkeypatch, package, **types):
    module = ModuleType(package + '.msg')
    vars(module).update(types)
    monkeypatch.setitem(sys.modules, package, ModuleType(package))
    monkeypatch.setitem(sys.modules, package + '.msg', module)


def test_mavros(monkeypatch):
    provide(monkeypatch, 'mavros_msgs', StatusText=StatusTextMessage)
    node = Node()
    link = MavrosLink(node)
    link.send(StatusText(2, 'person gone'))
    message, = node.published
    assert (message.severity, message.text, message.header.stamp.sec) == (2, 'person gone', 2)
    assert link.description == 'MAVROS by /mavros/statustext/send'


def test_px4(monkeypatch):
    provide(monkeypatch, 'px4_msgs', MavlinkLog=MavlinkLog)
    node = Node()
    link = Px4Link(node)
    link.send(StatusText(2, 'person gone'))
    message, = node.published
    assert (message.severity, message.timestamp) == (2, 2_000_000)
    assert bytes(message.text) == b'person gone'.ljust(127, b'\0')
    assert link.description == 'PX4 by /fmu/in/mavlink_log'


@pytest.mark.parametrize('link, package', [(MavrosLink, 'mavros_msgs'), (Px4Link, 'px4_msgs')])
def test_a_package_that_is_missing_is_named(monkeypatch, link, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=f'{package} is not installed: .* set link to mavlink'):
        link(Node())
