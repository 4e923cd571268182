"""Which topics the camera's are, after remapping."""
from __future__ import annotations

import pytest
import rclpy
from live_ros import fresh_domain, Probe

from effvit_ros.ros.segmenter.input import image_topics


@pytest.fixture(scope='module')
def probe():
    probe = Probe(fresh_domain())
    yield probe
    probe.close()


@pytest.mark.parametrize('transport, rules, topic, camera_info', [
    ('raw', [], '/uav1/image', '/uav1/camera_info'),
    ('compressed', [], '/uav1/image/compressed', '/uav1/camera_info'),
    ('raw', ['image:=/cam/image_raw'], '/cam/image_raw', '/cam/camera_info'),
    ('compressed', ['image:=/cam/image_raw'],
     '/cam/image_raw/compressed', '/cam/camera_info'),
    ('compressed', ['image/compressed:=/usb/frames/compressed'],
     '/usb/frames/compressed', '/usb/camera_info'),
    ('raw', ['image:=/cam/image_raw', 'camera_info:=/calibration'],
     '/cam/image_raw', '/calibration'),
    ('raw', ['image:=front/image_rect'], '/uav1/front/image_rect', '/uav1/front/camera_info'),
    ('raw', ['image:=/picture'], '/picture', '/camera_info'),
])
def test_names(probe, transport, rules, topic, camera_info):
    arguments = [word for rule in rules for word in ('-r', rule)]
    node = rclpy.create_node(
        'segmenter', namespace='uav1', context=probe.node.context,
        cli_args=['--ros-args', *arguments] if arguments else None)
    try:
        assert image_topics(node, transport) == (topic, camera_info)
    finally:
        node.destroy_node()
