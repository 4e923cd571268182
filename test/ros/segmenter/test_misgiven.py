"""What is given to a real node in a wrong way is told with the cure."""
from __future__ import annotations

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from effvit_ros.ros.common.codec import image_message
from effvit_ros.ros.health.level import OK, WARN

PICTURE = np.zeros((64, 48, 3), np.uint8)


@pytest.fixture(scope='module')
def segmenter(start_segmenter):
    return start_segmenter(no_image_timeout=1.0, treads=2)


@pytest.fixture(scope='module')
def messages(probe, segmenter):
    """Return the list of the messages of /diagnostics, which grows by itself."""
    found = []
    probe.misgiven = probe.node.create_subscription(
        DiagnosticArray, '/diagnostics',
        lambda m: found.append((m.status[0].level[0], m.status[0].message)), 10)
    return found


def wait_for(probe, messages, words):
    probe.until(lambda: any(level != OK and words in text for level, text in messages[-1:]), 30,
                f'"{words}" on /diagnostics')


def test_a_parameter_with_a_typing_error(probe, segmenter, messages):
    line = 'given, but not used by /segmenter: treads in -p treads'
    assert line in segmenter.log
    wait_for(probe, messages, line)


def test_pictures_of_another_type(probe, segmenter, messages):
    camera = probe.node.create_publisher(CompressedImage, 'image/compressed', 1)
    line = ('nobody publishes /image, but /image/compressed holds '
            'sensor_msgs/msg/CompressedImage: set image_transport to compressed')
    wait_for(probe, messages, line)
    assert line in segmenter.log
    probe.node.destroy_publisher(camera)


def test_a_camera_info_that_contradicts_the_picture(probe, segmenter, messages, subscribe):
    infos = subscribe(CameraInfo, 'camera_info')
    labels = subscribe(Image, 'labels')
    images = probe.node.create_publisher(Image, 'image', 1)
    calibrations = probe.node.create_publisher(CameraInfo, 'camera_info', 1)

    def film(info):
        calibrations.publish(info)
        images.publish(image_message(PICTURE, 'rgb8', Image().header))
        probe.spin(0.05)
    for _ in range(200):
        film(CameraInfo(width=1920, height=1080))
        if messages and 'camera_info is of 1920x1080' in messages[-1][1]:
            break
    assert messages[-1][0] == WARN and 'the picture of 48x64' in messages[-1][1]
    assert labels and not [info for info in infos if info.width]
    for _ in range(200):
        film(CameraInfo(width=48, height=64))
        if infos:
            break
    assert infos[-1].width == 48
    probe.until(lambda: 'camera_info' not in messages[-1][1], 30, 'the warning to end')
    assert segmenter.log.count('camera_info is of 1920x1080') == 1
