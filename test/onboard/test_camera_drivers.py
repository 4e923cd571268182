"""Which driver is started and what it is told, in its own words."""
from __future__ import annotations

import pytest

from effvit_ros.core.errors import UserError
from effvit_ros.onboard.camera_drivers import camera_driver
from effvit_ros.onboard.vehicle import read_vehicle
from effvit_ros.ros.camera.parameters import CAMERA_PARAMETERS


@pytest.fixture
def vehicle(tmp_path):
    """Return what makes a vehicle called uav1 of its camera section."""
    def make(**camera):
        path = tmp_path / 'uav.yaml'
        path.write_text(f'namespace: uav1\ncamera: {camera!r}', encoding='utf-8')
        return read_vehicle(path)
    return make


@pytest.mark.parametrize('camera, installed, package', [
    ({}, {'v4l2_camera', 'usb_cam', 'gscam'}, 'v4l2_camera'),
    ({}, {'usb_cam', 'gscam'}, 'usb_cam'),
    ({}, {'gscam'}, 'effvit_ros'),
    ({}, set(), 'effvit_ros'),
    ({'pipeline': 'v4l2src ! videoconvert'}, {'gscam', 'v4l2_camera'}, 'gscam'),
    ({'source': 'flight'}, {'v4l2_camera'}, 'effvit_ros'),
    ({'driver': 'usb_cam'}, {'usb_cam', 'v4l2_camera'}, 'usb_cam'),
    ({'driver': 'camera_node'}, {'usb_cam', 'v4l2_camera'}, 'effvit_ros'),
], ids=['all', 'no v4l2_camera', 'no pipeline for gscam', 'none', 'a pipeline', 'the flight',
        'named', 'our own, named'])
def test_which_driver_is_taken(vehicle, camera, installed, package):
    assert camera_driver(vehicle(**camera), installed.__contains__).package == package


def test_no_driver_where_the_camera_is_started_elsewhere(vehicle):
    assert camera_driver(vehicle(driver='none'), lambda name: True) is None


@pytest.mark.parametrize('camera, message', [
    ({'driver': 'usb_cam'}, "camera.driver is 'usb_cam', which is not installed: sudo apt "
                            r'install ros-\$ROS_DISTRO-usb-cam, or give auto'),
    ({'pipeline': 'x'}, 'camera.pipeline is given, but gscam is not installed'),
])
def test_a_driver_that_is_missing_is_named_with_its_package(vehicle, camera, message):
    with pytest.raises(UserError, match=message):
        camera_driver(vehicle(**camera), lambda name: False)


def test_each_driver_is_told_in_its_own_words(vehicle, tmp_path):
    (tmp_path / 'cam.yaml').write_text('', encoding='utf-8')
    url = f'file://{tmp_path}/cam.yaml'
    common = {'device': '/dev/cam', 'width': 1280, 'height': 720, 'rate_hz': 7.5,
              'calibration': 'cam.yaml', 'pixel_format': 'YUYV'}

    def parameters(driver, **more):
        return camera_driver(vehicle(driver=driver, **common, **more),
                             lambda name: True).parameters

    assert parameters('v4l2_camera') == {
        'video_device': '/dev/cam', 'image_size': [1280, 720], 'time_per_frame': [2, 15],
        'camera_frame_id': 'uav1/camera', 'camera_info_url': url, 'pixel_format': 'YUYV'}
    assert parameters('usb_cam') == {
        'video_device': '/dev/cam', 'image_width': 1280, 'image_height': 720, 'framerate': 7.5,
        'frame_id': 'uav1/camera', 'camera_info_url': url, 'pixel_format': 'YUYV'}
    assert parameters('gscam', pipeline='a ! b') == {
        'gscam_config': 'a ! b', 'frame_id': 'uav1/camera', 'sync_sink': False,
        'camera_info_url': url}
    assert parameters('camera_node') == {
        'source': 'device', 'path': '/dev/cam', 'width': 1280, 'height': 720, 'rate_hz': 7.5,
        'frame_id': 'uav1/camera', 'camera_info_path': f'{tmp_path}/cam.yaml'}


def test_our_own_node_accepts_everything_it_is_told(vehicle):
    table = {row.name: row for row in CAMERA_PARAMETERS}
    given = camera_driver(vehicle(source='folder', path='/p'), lambda name: False).parameters
    assert [table[name].problem(value) for name, value in given.items()] == [None] * len(given)
    assert given['path'] == '/p'
