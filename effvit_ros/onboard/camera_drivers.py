"""
Which node reads the camera, and what it calls the things that the vehicle's file says.

Every driver ends up at the same names: ``camera/image_raw`` with ``camera/camera_info`` next to
it. The namespace does it, not a remapping: image_transport's ``image_raw/compressed`` would not
follow one on every release.
"""
from __future__ import annotations

from fractions import Fraction
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

from effvit_ros.core.errors import UserError
from effvit_ros.onboard.vehicle import Vehicle


class DriverNode(NamedTuple):
    """What to start; ``subspace`` is below the vehicle's namespace."""

    package: str
    executable: str
    subspace: str
    parameters: Dict[str, Any]
    remappings: Tuple[Tuple[str, str], ...] = ()


def camera_driver(vehicle: Vehicle, installed: Callable[[str], bool]) -> Optional[DriverNode]:
    """
    Return the :class:`DriverNode` that the vehicle's file asks for; None with driver ``none``.

    :param installed: called with a package's name, returns whether it is installed.
    :raises UserError: the driver that the file names is not installed.
    """
    driver = vehicle.camera['driver']
    if driver == 'none':
        return None
    if driver == 'auto':
        driver = _choose(vehicle.camera, installed)
    elif driver != 'camera_node' and not installed(driver):
        raise UserError(
            f"camera.driver is '{driver}', which is not installed: sudo apt install "
            f"ros-$ROS_DISTRO-{driver.replace('_', '-')}, or give auto")
    return _NODES[driver](vehicle)


def _choose(camera: Dict[str, Any], installed: Callable[[str], bool]) -> str:
    """Return the driver for ``auto``: what only one can do decides, then what is installed."""
    if camera['pipeline']:
        if not installed('gscam'):
            raise UserError('camera.pipeline is given, but gscam is not installed: '
                            'sudo apt install ros-$ROS_DISTRO-gscam')
        return 'gscam'
    if camera['source'] == 'device':
        for driver in ('v4l2_camera', 'usb_cam'):
            if installed(driver):
                return driver
    return 'camera_node'


def _v4l2_camera(vehicle: Vehicle) -> DriverNode:
    camera = vehicle.camera
    period = 1 / Fraction(camera['rate_hz']).limit_denominator(1000)
    parameters = {
        'video_device': camera['device'],
        'image_size': [camera['width'], camera['height']],
        'time_per_frame': [period.numerator, period.denominator],
        'camera_frame_id': vehicle.frame_id,
        **_calibration_url(camera)}
    if camera['pixel_format']:
        parameters['pixel_format'] = camera['pixel_format']
    return DriverNode('v4l2_camera', 'v4l2_camera_node', 'camera', parameters)


def _usb_cam(vehicle: Vehicle) -> DriverNode:
    camera = vehicle.camera
    parameters = {
        'video_device': camera['device'],
        'image_width': camera['width'],
        'image_height': camera['height'],
        'framerate': camera['rate_hz'],
        'frame_id': vehicle.frame_id,
        **_calibration_url(camera)}
    if camera['pixel_format']:
        parameters['pixel_format'] = camera['pixel_format']
    return DriverNode('usb_cam', 'usb_cam_node_exe', 'camera', parameters)


def _gscam(vehicle: Vehicle) -> DriverNode:
    # Size and rate are the pipeline's. Its topics are called camera/... by themselves.
    parameters = {
        'gscam_config': vehicle.camera['pipeline'],
        'frame_id': vehicle.frame_id,
        'sync_sink': False,
        **_calibration_url(vehicle.camera)}
    return DriverNode('gscam', 'gscam_node', '', parameters)


def _camera_node(vehicle: Vehicle) -> DriverNode:
    camera = vehicle.camera
    path = camera['device'] if camera['source'] == 'device' else camera['path']
    parameters = {
        'source': camera['source'],
        'path': path,
        'width': camera['width'],
        'height': camera['height'],
        'rate_hz': camera['rate_hz'],
        'frame_id': vehicle.frame_id,
        'camera_info_path': camera['calibration']}
    return DriverNode(
        'effvit_ros', 'camera_node', 'camera', parameters,
        (('image', 'image_raw'), ('image/compressed', 'image_raw/compressed')))


def _calibration_url(camera: Dict[str, Any]) -> Dict[str, str]:
    path = camera['calibration']
    return {'camera_info_url': f'file://{path}'} if path else {}


_NODES = {'v4l2_camera': _v4l2_camera, 'usb_cam': _usb_cam, 'gscam': _gscam,
          'camera_node': _camera_node}
