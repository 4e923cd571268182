"""A segmenter whose rclpy has no events executor, as that of humble."""
from __future__ import annotations

import numpy as np
import pytest
from live_ros import HERE, ROOT
from sensor_msgs.msg import CameraInfo, Image

from effvit_ros.ros.common.codec import image_message


@pytest.fixture(scope='module')
def segmenter(start_segmenter, tmp_path_factory):
    folder = tmp_path_factory.mktemp('older')
    folder.joinpath('sitecustomize.py').write_text(
        "import sys\nsys.modules['rclpy.experimental'] = None\n")
    return start_segmenter(environment={'PYTHONPATH': f'{folder}:{ROOT}:{HERE}'})


def test_labels_come_with_the_newest_camera_info(probe, segmenter, subscribe):
    infos = subscribe(CameraInfo, 'camera_info')
    labels = subscribe(Image, 'labels')
    images = probe.node.create_publisher(Image, 'image', 1)
    calibrations = probe.node.create_publisher(CameraInfo, 'camera_info', 1)
    picture = image_message(np.zeros((64, 48, 3), np.uint8), 'rgb8', Image().header)

    def film():
        calibrations.publish(CameraInfo(width=48, height=64))
        images.publish(picture)
        return labels and infos

    probe.until(film, what='labels and camera_info')
    assert (labels[-1].width, labels[-1].height, infos[-1].width) == (48, 64, 48)
