"""Where the camera was at a stamp: poses, height and mount put together."""
from __future__ import annotations

import math
from typing import Any, Optional, Tuple

import numpy as np

from effvit_ros.mapping.frames import FrameTree
from effvit_ros.mapping.geodesy import LocalFrame, REACH_M
from effvit_ros.mapping.ground import Ground
from effvit_ros.mapping.mount import MOVING
from effvit_ros.mapping.pose_messages import (
    Attitude,
    attitude_of_imu,
    fix_of,
    gimbal_of,
    LocalPosition,
    pose_of,
    range_of,
    Sigma,
)
from effvit_ros.mapping.pose_settings import (
    ASSUMED_ATTITUDE_DEG,
    ASSUMED_HEIGHT_SHARE,
    ASSUMED_POSITION,
    AUTO,
    CameraPose,
    check_settings,
    CONSTANT,
    GROUND_ALTITUDE,
    LEAST_HEIGHT_M,
    POSE_Z,
    PoseSettings,
    RANGE,
    RANGE_SHARE,
)
from effvit_ros.mapping.rotations import between, matrix
from effvit_ros.mapping.track import PoseProblem, Track

NO_PLACE = 'no NavSatFix tells where on earth this is, and no origin was given'


class Trajectory:
    """
    Takes pose messages in as they come and answers where the camera was.

    The position is the fix's where there is one, else a local pose's about ``origin``; the
    attitude is the Imu's where there is one, else the pose's. With ``frames`` tf2 tells the
    attitude, and where the receiver and the rangefinder sit; the position, too, where no fix
    comes. ``keep_s`` bounds what is kept.
    """

    def __init__(self, settings: PoseSettings, keep_s: Optional[float] = None) -> None:
        """
        Start without poses.

        :raises UserError: a setting can't be.
        """
        check_settings(settings)
        self.settings = settings
        self.frame: Optional[LocalFrame] = (
            LocalFrame(*settings.origin) if settings.origin else None)
        self.fixes: Track[Tuple[np.ndarray, Optional[Sigma]]] = Track(
            'position (NavSatFix)', keep_s)
        self.imus: Track[Attitude] = Track('orientation (Imu)', keep_s)
        self.poses: Track[Tuple[LocalPosition, Attitude]] = Track('pose', keep_s)
        self.ranges: Track[float] = Track('rangefinder height', keep_s)
        self.gimbals: Track[np.ndarray] = Track('attitude of the gimbal', keep_s)
        self.frames = FrameTree(keep_s)
        self._fix_frame = self._range_frame = ''
        self.ground: Optional[Ground] = None
        self._home: Optional[float] = None

    def add_fix(self, stamp_ns: int, message: Any) -> None:
        """
        Take in a NavSatFix; the first good one becomes the origin where none was given.

        :raises PoseProblem: it is no fix.
        """
        fix = fix_of(message)
        self._fix_frame = message.header.frame_id
        if self.frame is None:
            self.frame = LocalFrame(fix.latitude, fix.longitude)
        east, north = self.frame.to_metres(fix.latitude, fix.longitude)
        if not math.hypot(east, north) < REACH_M:
            raise PoseProblem('bad_pose', f'the fix {fix.latitude:.4f}, {fix.longitude:.4f} is '
                              f'over {REACH_M / 1000:.0f} km from the first')
        if self._home is None and math.isfinite(fix.altitude):
            self._home = fix.altitude
        self.fixes.add(stamp_ns, (np.array([east, north, fix.altitude]), fix.sigma))

    def add_imu(self, stamp_ns: int, message: Any) -> None:
        """
        Take in an Imu.

        :raises PoseProblem: it is no orientation.
        :raises UserError: its frame is of another convention.
        """
        self.imus.add(stamp_ns, attitude_of_imu(message, self.settings.convention))

    def add_pose(self, stamp_ns: int, message: Any) -> None:
        """
        Take in a PoseStamped, PoseWithCovarianceStamped or Odometry.

        :raises PoseProblem: it is no pose.
        :raises UserError: its frame is of another convention.
        """
        self.poses.add(stamp_ns, pose_of(message, self.settings.convention))

    def add_range(self, stamp_ns: int, message: Any) -> None:
        """Take in a Range; one out of its own bounds says nothing."""
        metres = range_of(message)
        self._range_frame = message.header.frame_id
        if metres is not None:
            self.ranges.add(stamp_ns, metres)

    def add_gimbal(self, stamp_ns: int, message: Any) -> None:
        """
        Take in a QuaternionStamped of the gimbal.

        :raises PoseProblem: it is no rotation.
        """
        mount, convention = self.settings.mount, self.settings.convention
        self.gimbals.add(stamp_ns, gimbal_of(message, mount.kind, convention))

    def clear(self) -> None:
        """Forget all poses; the origin, the home altitude and fixed frames stay."""
        for track in (self.fixes, self.imus, self.poses, self.ranges, self.gimbals, self.frames):
            track.clear()

    def known_frame(self) -> LocalFrame:
        """
        Return the map's frame.

        :raises PoseProblem: ``no_pose``: nothing has told where on earth it is.
        """
        if self.frame is None:
            raise PoseProblem('no_pose', NO_PLACE)
        return self.frame

    def height_source(self) -> str:
        """
        Return which of :data:`HEIGHTS` is in use.

        :raises PoseProblem: ``no_height``: ``auto`` finds nothing that tells it.
        """
        wanted = self.settings.height
        if wanted != AUTO:
            return wanted
        if len(self.ranges):
            return RANGE
        if len(self.poses) or self.settings.frames:
            return POSE_Z
        raise PoseProblem('no_height', 'nothing tells the height above ground: record a '
                          'rangefinder (sensor_msgs/Range), or give the height (constant), the '
                          "ground's altitude (ground_altitude), or home where the first fix was "
                          'taken on the ground')

    def at(self, stamp_ns: int) -> CameraPose:
        """
        Return the :class:`CameraPose` at a picture's stamp.

        :raises PoseProblem: it is not known, or nonsense.
        """
        stamp_ns += round(self.settings.offset_s * 1e9)
        if self.settings.frames:
            return self._by_frames(stamp_ns)
        body, sigma_attitude = self._attitude(stamp_ns)
        position, sigma = self._position(stamp_ns)
        mount = self.settings.mount
        z, sigma_z = self._height(stamp_ns, position, body[2, 2], sigma)
        place = np.array([position[0], position[1], z]) + body @ mount.offset()
        head = self._gimbal(stamp_ns) if mount.kind in MOVING else None
        return _camera_pose(place, mount.camera(body, head), sigma, sigma_z, sigma_attitude)

    def _by_frames(self, stamp_ns: int) -> CameraPose:
        """Return the pose as tf2 has it; where the receiver and the rangefinder sit counts."""
        target, camera = self.settings.frames
        gap = self.settings.longest_gap_s
        place, rotation = self.frames.pose(target, camera, stamp_ns, gap)
        position, sigma, antenna = place, None, place
        if len(self.fixes):
            position, sigma = self._position(stamp_ns)
            antenna, _ = self.frames.pose(target, self._fix_frame, stamp_ns, gap)
        else:
            self.known_frame()
        source, cosine, above = self.height_source(), 1.0, 0.0
        if source == RANGE:
            # A Range is measured along its frame's x.
            sensor, turn = self.frames.pose(target, self._range_frame, stamp_ns, gap)
            cosine, above = -turn[2, 0], place[2] - sensor[2]
        elif source == POSE_Z:
            position = np.array([position[0], position[1], place[2]])
        elif source != CONSTANT:
            above = place[2] - antenna[2]
        z, sigma_z = self._height(stamp_ns, position, cosine, sigma)
        east, north = position[:2] + (place - antenna)[:2]
        return _camera_pose(np.array([east, north, z + above]), rotation, sigma, sigma_z, None)

    def _gimbal(self, stamp_ns: int) -> np.ndarray:
        found = self.gimbals.at(stamp_ns, self.settings.longest_gap_s)
        return matrix(between(found.first, found.second, found.part))

    def _attitude(self, stamp_ns: int) -> Tuple[np.ndarray, Optional[Sigma]]:
        if len(self.imus) or not len(self.poses):
            imu = self.imus.at(stamp_ns, self.settings.longest_gap_s)
            first, second, part = imu.first, imu.second, imu.part
        else:
            pose = self.poses.at(stamp_ns, self.settings.longest_gap_s)
            first, second, part = pose.first[1], pose.second[1], pose.part
        return matrix(between(first.quaternion, second.quaternion, part)), first.sigma

    def _position(self, stamp_ns: int) -> Tuple[np.ndarray, Optional[Sigma]]:
        """Return the pose's own place (e, n, altitude) and sigma or None."""
        if len(self.fixes):
            fix = self.fixes.at(stamp_ns, self.settings.longest_gap_s)
            (first, sigma), (second, _) = fix.first, fix.second
            part, gap_s = fix.part, fix.gap_s
        else:
            self.known_frame()
            pose = self.poses.at(stamp_ns, self.settings.longest_gap_s)
            (a, _), (b, _) = pose.first, pose.second
            first, second, sigma = np.array(a[:3]), np.array(b[:3]), a.sigma
            part, gap_s = pose.part, pose.gap_s
        step = float(np.hypot(*(second - first)[:2]))
        spread = 6 * max((sigma or ASSUMED_POSITION)[:2])
        if step > self.settings.top_speed_mps * gap_s + spread:
            raise PoseProblem('pose_jump', f'the position jumps by {step:.0f} m within '
                              f'{gap_s:.2f} s')
        return first + part * (second - first), sigma

    def _height(self, stamp_ns: int, position: np.ndarray, cosine: float,
                sigma: Optional[Sigma]) -> Tuple[float, float]:
        """
        Return the pose's z in the map and its sigma, metres.

        :param cosine: of the angle between the rangefinder's beam and straight down.
        """
        source = self.height_source()
        value, under = self.settings.height_value, 0.0
        if self.ground is not None:
            under = float(self.ground.height(position[0], position[1]))
            if not math.isfinite(under):
                raise PoseProblem('no_height', 'the terrain says nothing below the aircraft')
        if source == RANGE:
            try:
                found = self.ranges.at(stamp_ns, self.settings.longest_gap_s)
            except PoseProblem as problem:
                raise PoseProblem('no_height', str(problem)) from None
            slant = found.first + found.part * (found.second - found.first)
            # The beam is longer than the height where it is tilted.
            height = slant * float(cosine)
            return self._above(under + height, height), RANGE_SHARE * height + 0.1
        if source == CONSTANT:
            return self._above(under + value, value), ASSUMED_HEIGHT_SHARE * value
        if source == POSE_Z:
            up = position[2] if self.settings.frames else self._pose_up(stamp_ns)
            return self._above(up, up - under), ASSUMED_HEIGHT_SHARE * abs(up)
        if not len(self.fixes):
            # The z of a local pose, or of tf2, is no altitude.
            raise PoseProblem('no_height', f'no NavSatFix tells the altitude that {source} needs')
        base = value if source == GROUND_ALTITUDE else self._home
        if base is None:
            raise PoseProblem('no_height', 'no fix tells the altitude of take-off')
        up = position[2] - base
        if not math.isfinite(up):
            raise PoseProblem('no_height', "the receiver's fix tells no altitude (NaN)")
        return self._above(up, up - under), (sigma or ASSUMED_POSITION)[2]

    def _pose_up(self, stamp_ns: int) -> float:
        if not len(self.poses):
            raise PoseProblem('no_height', 'no pose message tells its z')
        found = self.poses.at(stamp_ns, self.settings.longest_gap_s)
        a, b = found.first[0].up, found.second[0].up
        return a + found.part * (b - a)

    @staticmethod
    def _above(z: float, height: float) -> float:
        if not height >= LEAST_HEIGHT_M:
            raise PoseProblem('below_ground', f'the height above ground is {height:.1f} m: '
                              f'from {LEAST_HEIGHT_M:g} m up pictures are laid on it')
        return z


def _camera_pose(place: np.ndarray, rotation: np.ndarray, sigma: Optional[Sigma], sigma_z: float,
                 sigma_attitude: Optional[Sigma]) -> CameraPose:
    """Return the CameraPose; what nobody told of its errors (None) is assumed."""
    assumed = sigma is None or sigma_attitude is None
    sigma = sigma or ASSUMED_POSITION
    if sigma_attitude is None:
        sigma_attitude = tuple(math.radians(v) for v in ASSUMED_ATTITUDE_DEG)
    return CameraPose(place, rotation, (sigma[0], sigma[1], sigma_z), sigma_attitude, assumed)
