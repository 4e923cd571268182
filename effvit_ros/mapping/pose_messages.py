"""
Standard pose messages read by their conventions; what can be read in two ways is refused.

Functions take messages of any binding (rclpy's or a bag reader's): the fields are the same.
"""
from __future__ import annotations

import math
from typing import Any, NamedTuple, Optional, Tuple

import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.mapping.geodesy import position_problem
from effvit_ros.mapping.mount import GIMBAL_BODY
from effvit_ros.mapping.rotations import FRD_FLU, matrix, NED_ENU, normalized, quaternion_of
from effvit_ros.mapping.track import PoseProblem

#: What an orientation's quaternion may mean: a body forward-left-up in a world east-north-up
#: (REP 103, 145: MAVROS, most drivers), or forward-right-down in north-east-down (PX4's own).
ENU, NED = 'enu', 'ned'
CONVENTIONS = (ENU, NED)
_NED_NAMES = ('ned', 'frd')
#: Deviations along three axes.
Sigma = Tuple[float, ...]


class Fix(NamedTuple):
    """A place on earth, altitude in metres above the ellipsoid, sigma (e, n, u) or None."""

    latitude: float
    longitude: float
    altitude: float
    sigma: Optional[Sigma]


class Attitude(NamedTuple):
    """Unit quaternion (4,) from the body (FLU) to the world (ENU), sigma (x, y, z) or None."""

    quaternion: np.ndarray
    sigma: Optional[Sigma]


class LocalPosition(NamedTuple):
    """East, north, up in metres in a map whose origin is told elsewhere, sigma or None."""

    east: float
    north: float
    up: float
    sigma: Optional[Sigma]


def fix_of(message: Any) -> Fix:
    """
    Return the :class:`Fix` in a ``sensor_msgs/NavSatFix``.

    :raises PoseProblem: ``bad_pose``: no fix, or no place where a map can be made.
    """
    # -2 is "unknown" where a driver leaves the field alone, which says nothing either way.
    if message.status.status == -1:
        raise PoseProblem('bad_pose', 'the receiver has no fix (status -1)')
    problem = position_problem(message.latitude, message.longitude)
    if problem:
        raise PoseProblem('bad_pose', problem)
    sigma = None
    if message.position_covariance_type:
        sigma = _sigma(np.asarray(message.position_covariance, np.float64)[[0, 4, 8]])
    return Fix(message.latitude, message.longitude, message.altitude, sigma)


def attitude_of_imu(message: Any, convention: str) -> Attitude:
    """
    Return the :class:`Attitude` in a ``sensor_msgs/Imu``.

    :raises PoseProblem: ``bad_pose``: the quaternion is no rotation.
    :raises UserError: the frame's name speaks against ``convention``.
    """
    check_frame(message.header.frame_id, convention, 'Imu')
    covariance = np.asarray(message.orientation_covariance, np.float64)
    if covariance[0] == -1:
        raise PoseProblem('bad_pose', 'the Imu gives no orientation (orientation_covariance[0] '
                          'is -1)')
    return _attitude(message.orientation, covariance[[0, 4, 8]], convention)


def pose_of(message: Any, convention: str) -> Tuple[LocalPosition, Attitude]:
    """
    Return (:class:`LocalPosition`, :class:`Attitude`) of a pose message.

    ``PoseStamped``, ``PoseWithCovarianceStamped`` or ``Odometry``.

    :raises PoseProblem: ``bad_pose``: no numbers, no rotation.
    :raises UserError: the frame's name speaks against ``convention``.
    """
    check_frame(message.header.frame_id, convention, 'pose')
    pose, covariance = message.pose, None
    if hasattr(pose, 'covariance'):
        covariance, pose = np.asarray(pose.covariance, np.float64).reshape(6, 6), pose.pose
    p = np.array([pose.position.x, pose.position.y, pose.position.z])
    if not np.isfinite(p).all():
        raise PoseProblem('bad_pose', f'the position {p.tolist()} is not a number')
    diagonal = None if covariance is None else np.diag(covariance)
    if convention == NED:
        p = NED_ENU @ p
        diagonal = None if diagonal is None else diagonal[[1, 0, 2, 3, 4, 5]]
    turns = np.zeros(3) if diagonal is None else diagonal[3:]
    return (LocalPosition(p[0], p[1], p[2], None if diagonal is None else _sigma(diagonal[:3])),
            _attitude(pose.orientation, turns, convention))


def gimbal_of(message: Any, kind: str, convention: str) -> np.ndarray:
    """
    Return the unit quaternion (4,) of a camera's body (FLU) in the aircraft's, or in the world.

    :param message: ``geometry_msgs/QuaternionStamped``.
    :param kind: :data:`~effvit_ros.mapping.mount.GIMBAL_BODY`: in the aircraft's body.
    :raises PoseProblem: ``bad_pose``: it is no rotation.
    """
    q = message.quaternion
    quaternion = normalized([q.x, q.y, q.z, q.w])
    if quaternion is None:
        raise PoseProblem('bad_pose', f"the gimbal's attitude ({q.x:g}, {q.y:g}, {q.z:g}, "
                          f'{q.w:g}) is no rotation')
    if convention == NED:
        world = FRD_FLU if kind == GIMBAL_BODY else NED_ENU
        quaternion = quaternion_of(world @ matrix(quaternion) @ FRD_FLU)
    return quaternion


def range_of(message: Any) -> Optional[float]:
    """Return the metres of a ``sensor_msgs/Range``, or None where it says out of range."""
    value = float(message.range)
    if not math.isfinite(value) or not message.min_range <= value <= message.max_range:
        return None
    return value


def check_frame(frame_id: str, convention: str, what: str) -> None:
    """
    Refuse a frame whose name tells another convention than the one that is to be read.

    :raises UserError: says what to give.
    """
    words = frame_id.lower().replace('/', '_').split('_')
    named_ned = any(word in _NED_NAMES for word in words)
    if named_ned and convention == ENU:
        raise UserError(f"the {what}'s frame_id is '{frame_id}', which names north-east-down, "
                        'but east-north-up (REP 103) is to be read: give the convention ned, '
                        'or enu only after renaming the frame')
    if convention == NED and any(word in ('enu', 'flu') for word in words):
        raise UserError(f"the {what}'s frame_id is '{frame_id}', which names east-north-up, "
                        'but the convention ned was given: leave it out')


def _attitude(orientation: Any, variances: np.ndarray, convention: str) -> Attitude:
    quaternion = normalized([orientation.x, orientation.y, orientation.z, orientation.w])
    if quaternion is None:
        raise PoseProblem('bad_pose', f'the orientation ({orientation.x:g}, {orientation.y:g}, '
                          f'{orientation.z:g}, {orientation.w:g}) is no rotation')
    if convention == NED:
        quaternion = quaternion_of(NED_ENU @ matrix(quaternion) @ FRD_FLU)
    return Attitude(quaternion, _sigma(variances))


def _sigma(variances: np.ndarray) -> Optional[Sigma]:
    """Return the deviations, or None where they are not told (all zero by sensor_msgs)."""
    variances = np.asarray(variances, np.float64)
    if not np.isfinite(variances).all() or (variances < 0).any() or not variances.any():
        return None
    return tuple(float(v) for v in np.sqrt(variances))
