"""Calibrations: scaled to the picture, or one line for what is wrong."""
from __future__ import annotations

import pytest
import yaml

pytest.importorskip('rclpy', reason='needs ROS 2')

from effvit_ros.core.errors import UserError  # noqa: E402
from effvit_ros.ros.camera.info import Calibration  # noqa: E402


def calibration():
    """Return what camera_calibration writes for a 640x480 camera."""
    return {
        'image_width': 640, 'image_height': 480, 'camera_name': 'uav',
        'distortion_model': 'plumb_bob',
        'camera_matrix': {'rows': 3, 'cols': 3, 'data': [500, 0, 320, 0, 510, 240, 0, 0, 1]},
        'distortion_coefficients': {'rows': 1, 'cols': 5, 'data': [0.1, -0.2, 0, 0, 0]},
        'rectification_matrix': {'rows': 3, 'cols': 3, 'data': [1, 0, 0, 0, 1, 0, 0, 0, 1]},
        'projection_matrix': {'rows': 3, 'cols': 4,
                              'data': [500, 0, 320, 0, 0, 510, 240, 0, 0, 0, 1, 0]},
    }


def test_a_file_is_scaled_to_the_picture(tmp_path):
    (tmp_path / 'camera.yaml').write_text(yaml.safe_dump(calibration()))
    info = Calibration(tmp_path / 'camera.yaml').info(1280, 480)
    assert (info.width, info.height, info.distortion_model) == (1280, 480, 'plumb_bob')
    assert list(info.k) == [1000, 0, 640, 0, 510, 240, 0, 0, 1]
    assert list(info.p) == [1000, 0, 640, 0, 0, 510, 240, 0, 0, 0, 1, 0]
    assert list(info.d) == pytest.approx([0.1, -0.2, 0, 0, 0])


def test_a_focal_length_gives_an_ideal_pinhole():
    info = Calibration(focal_px=400.0).info(640, 480)
    assert list(info.k) == [400, 0, 319.5, 0, 400, 239.5, 0, 0, 1]
    assert list(info.d) == [0] * 5


def test_without_anything_the_camera_is_marked_as_uncalibrated():
    info = Calibration().info(640, 480)
    assert list(info.k) == [0] * 9 and (info.width, info.height) == (640, 480)


@pytest.mark.parametrize('change, message', [
    pytest.param({'image_width': 0}, 'image_width is 0', id='no-width'),
    pytest.param({'camera_matrix': {'data': [1, 2]}}, r'camera_matrix.data is \[1, 2\], not 9',
                 id='short'),
    pytest.param({'projection_matrix': None}, 'projection_matrix.data is None', id='missing'),
    pytest.param({'distortion_coefficients': {'data': ['a']}}, 'not a list of numbers', id='text'),
])
def test_what_is_wrong_in_a_file_is_named(tmp_path, change, message):
    file = tmp_path / 'camera.yaml'
    file.write_text(yaml.safe_dump({**calibration(), **change}))
    with pytest.raises(UserError, match=message):
        Calibration(file)


@pytest.mark.parametrize('content, message', [
    pytest.param(None, 'cannot be read', id='no-file'),
    pytest.param('a: [', 'cannot be read', id='no-yaml'),
    pytest.param('7', 'holds no keys', id='no-keys'),
])
def test_a_file_that_is_no_calibration_gets_one_line(tmp_path, content, message):
    file = tmp_path / 'camera.yaml'
    if content is not None:
        file.write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        Calibration(file)
    assert '\n' not in str(caught.value)
