"""A simulated flight as the bag that a drone would record: pictures, poses, camera_info."""
from __future__ import annotations

import math
from typing import Any, Callable, Dict, NamedTuple, Optional

import numpy as np

from effvit_ros.bags.pictures import COMPRESSED, IMAGE
from effvit_ros.bags.writer import BagWriter, encode
from effvit_ros.flight.renderer import HALF_VIEW
from effvit_ros.flight.survey import GROUND_ALTITUDE_M, PLACE, SensorErrors, Sensors, Survey
from effvit_ros.mapping.geodesy import LocalFrame
from effvit_ros.mapping.rotations import quaternion_of

#: Messages a second of each sensor.
FIX_HZ, IMU_HZ, RANGE_HZ = 10.0, 50.0, 10.0
CAMERA_FRAME, BODY_FRAME, MAP_FRAME = 'camera', 'base_link', 'map'
NAVSAT, LOCAL = 'navsat', 'local'
#: What a bag's poses are: fixes with an Imu, or the autopilot's local pose with the fixes.
POSES = (NAVSAT, LOCAL)
_START_NS = 1_700_000_000 * 10**9


class SurveyPlan(NamedTuple):
    """``frames`` pictures at ``rate_hz``; ``encoding``: raw, png or jpeg; ``poses``."""

    frames: int
    rate_hz: float
    encoding: str = 'jpeg'
    poses: str = NAVSAT
    start_ns: int = _START_NS


def write_survey(writer: BagWriter, survey: Survey, errors: SensorErrors, plan: SurveyPlan,
                 on_progress: Optional[Callable[[int, int], None]] = None) -> None:
    """
    Write the flight into a fresh bag.

    Pictures lie on /camera/image_raw (with /compressed), their truth on /camera/truth, poses on
    /fix, /imu/data and /rangefinder, or /fix and /local_position/pose.

    :param writer: :class:`~effvit_ros.bags.writer.BagWriter`.
    :param survey: :class:`~effvit_ros.flight.survey.Survey`.
    :param errors: :class:`~effvit_ros.flight.survey.SensorErrors`.
    """
    sensors = _SensorWriter(writer, survey, errors, plan)
    image_topic = '/camera/image_raw' + ('' if plan.encoding == 'raw' else '/compressed')
    writer.add_topic(image_topic, IMAGE if plan.encoding == 'raw' else COMPRESSED)
    writer.add_topic('/camera/camera_info', 'sensor_msgs/msg/CameraInfo')
    writer.add_topic('/camera/truth', IMAGE)
    info = _camera_info(writer, survey.flight.width, survey.flight.height)
    for index in range(plan.frames):
        time_s = index / plan.rate_hz
        # Poses before and after the picture, so that it lies between two of them.
        sensors.write_until(time_s + 0.5)
        frame = survey.flight.frame(index)
        stamp_ns = plan.start_ns + round((time_s + errors.latency_s) * 1e9)
        log_ns = max(stamp_ns, sensors.last_ns)
        if plan.encoding == 'raw':
            writer.write_image(image_topic, stamp_ns, frame.image, 'bgr8', CAMERA_FRAME, log_ns)
        else:
            content = encode(frame.image, plan.encoding)
            writer.write_compressed(image_topic, stamp_ns, content, plan.encoding, CAMERA_FRAME,
                                    log_ns)
        writer.write_fields('/camera/camera_info', stamp_ns, CAMERA_FRAME, log_ns, **info)
        writer.write_image('/camera/truth', stamp_ns, frame.labels, 'mono8', CAMERA_FRAME, log_ns)
        if on_progress is not None:
            on_progress(index + 1, plan.frames)


class _SensorWriter:
    """Writes what the sensors say up to a time."""

    def __init__(self, writer: BagWriter, survey: Survey, errors: SensorErrors,
                 plan: SurveyPlan) -> None:
        self._writer, self._start_ns = writer, plan.start_ns
        self._sensors = Sensors(survey, errors, survey.flight.seed)
        self._frame = LocalFrame(*PLACE)
        self._due = [(1 / FIX_HZ, self._fix)]
        writer.add_topic('/fix', 'sensor_msgs/msg/NavSatFix')
        if plan.poses == LOCAL:
            writer.add_topic('/local_position/pose', 'geometry_msgs/msg/PoseStamped')
            self._due.append((1 / IMU_HZ, self._pose))
        else:
            writer.add_topic('/imu/data', 'sensor_msgs/msg/Imu')
            writer.add_topic('/rangefinder', 'sensor_msgs/msg/Range')
            self._due += [(1 / IMU_HZ, self._imu), (1 / RANGE_HZ, self._range)]
        # A little before the first picture, for the interpolation.
        self._next = [-0.5] * len(self._due)
        self.last_ns = 0

    def write_until(self, time_s: float) -> None:
        while min(self._next) <= time_s:
            which = int(np.argmin(self._next))
            period, write = self._due[which]
            at = self._next[which]
            self.last_ns = self._start_ns + round(at * 1e9)
            write(at, self.last_ns)
            self._next[which] += period

    def _fix(self, time_s: float, stamp_ns: int) -> None:
        east, north, up = self._sensors.position(time_s)
        latitude, longitude = self._frame.to_degrees(east, north)
        part = self._writer.part
        sigma = self._sensors.gps_sigma
        self._writer.write_fields(
            '/fix', stamp_ns, BODY_FRAME,
            status=part('sensor_msgs/msg/NavSatStatus', status=0, service=1),
            latitude=float(latitude), longitude=float(longitude),
            altitude=float(up + GROUND_ALTITUDE_M),
            # 0.02 m where nothing errs: a covariance of zero means an unknown one.
            position_covariance=np.diag(np.maximum(sigma, 0.02) ** 2).ravel(),
            position_covariance_type=2)

    def _imu(self, time_s: float, stamp_ns: int) -> None:
        vector = self._writer.part('geometry_msgs/msg/Vector3', x=0.0, y=0.0, z=0.0)
        unknown = np.array([-1.0] + 8 * [0.0])
        sigma = np.maximum(self._sensors.attitude_sigma, np.radians(0.02))
        self._writer.write_fields(
            '/imu/data', stamp_ns, BODY_FRAME, orientation=self._quaternion(time_s),
            orientation_covariance=np.diag(sigma ** 2).ravel(),
            angular_velocity=vector, angular_velocity_covariance=unknown,
            linear_acceleration=vector, linear_acceleration_covariance=unknown)

    def _range(self, time_s: float, stamp_ns: int) -> None:
        self._writer.write_fields(
            '/rangefinder', stamp_ns, BODY_FRAME, radiation_type=1, field_of_view=0.02,
            min_range=0.2, max_range=1000.0, range=float(self._sensors.range(time_s)))

    def _pose(self, time_s: float, stamp_ns: int) -> None:
        east, north, up = (float(v) for v in self._sensors.position(time_s))
        part = self._writer.part
        self._writer.write_fields(
            '/local_position/pose', stamp_ns, MAP_FRAME,
            pose=part('geometry_msgs/msg/Pose',
                      position=part('geometry_msgs/msg/Point', x=east, y=north, z=up),
                      orientation=self._quaternion(time_s)))

    def _quaternion(self, time_s: float) -> Any:
        x, y, z, w = (float(v) for v in quaternion_of(self._sensors.attitude(time_s)))
        return self._writer.part('geometry_msgs/msg/Quaternion', x=x, y=y, z=z, w=w)


def _camera_info(writer: BagWriter, width: int, height: int) -> Dict[str, Any]:
    focal = width / 2 / math.tan(HALF_VIEW)
    k = np.array([focal, 0, (width - 1) / 2, 0, focal, (height - 1) / 2, 0, 0, 1])
    p = np.column_stack([k.reshape(3, 3), np.zeros(3)]).ravel()
    roi = writer.part('sensor_msgs/msg/RegionOfInterest', x_offset=0, y_offset=0, height=0,
                      width=0, do_rectify=False)
    return {'height': height, 'width': width, 'distortion_model': 'plumb_bob',
            'd': np.zeros(5), 'k': k, 'r': np.eye(3).ravel(), 'p': p, 'binning_x': 0,
            'binning_y': 0, 'roi': roi}
