"""Which topics the camera's are, after remapping."""
from __future__ import annotations

import pytest
import rclpy
from live_ros import Probe
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

from effvit_ros.ros.segmenter.input import image_topics, ImageInput


@pytest.fixture(scope='module')
def camera(domain):
    """Return another participant: one alone has one type on a topic."""
    camera = Probe(domain)
    yield camera
    camera.close()


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


@pytest.mark.parametrize('published, transport, words', [
    pytest.param((Image, 'cam/image'), 'raw', '', id='fits'),
    pytest.param((CompressedImage, 'cam/image'), 'raw',
                 '/cam/image holds sensor_msgs/msg/CompressedImage, not sensor_msgs/msg/Image: '
                 'set image_transport to compressed and remap image/compressed to /cam/image '
                 '(segment.launch.py: compressed_image:=/cam/image)',
                 id='compressed under a raw name'),
    pytest.param((CompressedImage, 'cam/image/compressed'), 'raw',
                 'nobody publishes /cam/image, but /cam/image/compressed holds '
                 'sensor_msgs/msg/CompressedImage: set image_transport to compressed',
                 id='only the compressed topic'),
    pytest.param((Image, 'cam/image'), 'compressed',
                 'nobody publishes /cam/image/compressed, but /cam/image holds '
                 'sensor_msgs/msg/Image: set image_transport to raw', id='only the raw topic'),
    pytest.param((String, 'cam/image'), 'raw',
                 '/cam/image holds std_msgs/msg/String, not sensor_msgs/msg/Image',
                 id='no picture at all'),
])
def test_what_is_there_instead_of_the_picture_is_named(probe, camera, published, transport, words):
    publisher = camera.node.create_publisher(*published, 1)
    node = rclpy.create_node('segmenter', context=probe.node.context,
                             cli_args=['--ros-args', '-r', 'image:=/cam/image'])
    try:
        source = ImageInput(node, transport, 'auto', lambda _: None, lambda _: None)
        probe.until(lambda: node.count_publishers(publisher.topic_name), what='the publisher')
        assert source.misfit() == words
        source.close()
    finally:
        node.destroy_node()
        camera.node.destroy_publisher(publisher)


def test_the_compressed_topic_given_as_image_names_the_argument(probe, camera):
    publisher = camera.node.create_publisher(CompressedImage, 'front/compressed', 1)
    node = rclpy.create_node('segmenter', context=probe.node.context,
                             cli_args=['--ros-args', '-r', 'image:=/front/compressed'])
    try:
        source = ImageInput(node, 'raw', 'auto', lambda _: None, lambda _: None)
        probe.until(lambda: node.count_publishers('/front/compressed'), what='the publisher')
        assert source.misfit().endswith('set image_transport to compressed and image to /front')
        assert source.describe().startswith('0 publishers')
        source.close()
    finally:
        node.destroy_node()
        camera.node.destroy_publisher(publisher)
