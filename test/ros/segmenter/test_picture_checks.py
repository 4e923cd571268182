"""What the node says of pictures that their camera misdescribes."""
from __future__ import annotations

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image, RegionOfInterest

from effvit_ros.core.pixels import Picture
from effvit_ros.ros.health.health import Health
from effvit_ros.ros.health.level import OK, WARN
from effvit_ros.ros.segmenter.picture_checks import PictureChecks, sizes_of


class Log(list):
    """Keeps warnings."""

    warning = list.append


@pytest.fixture
def checked():
    """Return the checks of a healthy node, its settings, its health and its log."""
    health, log, settings = Health(), Log(), {'bit_depth': 0}
    health.enter('active', 0.0)
    return PictureChecks(settings, health, log), settings, health, log


def of_size(width, height):
    return Picture(np.zeros((height, width, 3), np.uint8), 'bgr')


@pytest.mark.parametrize('info, sizes', [
    pytest.param({}, [(640, 360)], id='plain'),
    pytest.param({'binning_x': 2, 'binning_y': 2}, [(320, 180)], id='binned'),
    pytest.param({'roi': RegionOfInterest(width=100, height=50)}, [(640, 360), (100, 50)],
                 id='region'),
    pytest.param({'width': 0, 'height': 0}, [(0, 0)], id='unknown'),
])
def test_sizes_that_camera_info_allows(info, sizes):
    assert sizes_of(CameraInfo(**{'width': 640, 'height': 360, **info})) == sizes


def test_a_contradicting_camera_info_warns_once_and_is_not_passed_on(checked):
    checks, _, health, log = checked
    picture = of_size(640, 360)
    assert not checks.fits(None, picture)
    for _ in range(3):
        assert not checks.fits(CameraInfo(width=1920, height=1080), picture)
    assert len(log) == 1
    report = health.report(0.0)
    assert report.level == WARN
    assert 'camera_info is of 1920x1080, the picture of 640x360' in report.message
    assert checks.fits(CameraInfo(width=640, height=360), picture)
    assert health.report(0.0).level == OK


def test_a_camera_info_without_a_size_is_passed_on(checked):
    assert checked[0].fits(CameraInfo(), of_size(640, 360))


def wide(value):
    """Return a mono16 picture of one value."""
    return Image(height=1, width=2, step=4, encoding='mono16',
                 data=np.full(2, value, '<u2').tobytes())


def test_the_bits_that_a_camera_fills_are_told_once_and_can_be_set(checked):
    checks, settings, health, log = checked
    assert [int(checks.read(wide(value)).pixels[0, 0]) for value in (4095, 4095, 16)] == [
        255, 255, 1]
    assert len(log) == 1 and 'taken as 12 bits' in log[0]
    assert ('bit_depth', '12, by its values') in health.report(0.0).values
    settings['bit_depth'] = 16
    assert checks.read(wide(4095)).pixels[0, 0] == 15
    assert 'bit_depth' not in dict(health.report(0.0).values)
