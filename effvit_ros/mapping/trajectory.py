"""Where the camera was at a stamp: poses, height and mount put together."""
from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.mapping.geodesy import LocalFrame, REACH_M
from effvit_ros.mapping.mount import Mount
from effvit_ros.mapping.pose_messages import (
    attitude_of_imu,
    CONVENTIONS,
    ENU,
    fix_of,
    pose_of,
    range_of,
)
from effvit_ros.mapping.rotations import between, matrix
from effvit_ros.mapping.track import PoseProblem, Track

#: What is taken where a message tells no covariance: metres (e, n, u), degrees (x, y, z).
ASSUMED_POSITION = (3.0, 3.0, 5.0)
ASSUMED_ATTITUDE_DEG = (2.0, 2.0, 5.0)
#: Of a height that a constant or the take-off's altitude gives, as a share of it.
ASSUMED_HEIGHT_SHARE = 0.05
#: Of a rangefinder.
RANGE_SHARE = 0.02
#: Where the height above ground comes from.
RANGE, GROUND_ALTITUDE, HOME, CONSTANT, POSE_Z, AUTO = (
    'range', 'ground_altitude', 'home', 'constant', 'pose_z', 'auto')
HEIGHTS = (AUTO, RANGE, GROUND_ALTITUDE, HOME, CONSTANT, POSE_Z)
#: Lowest height from which pictures are laid on the ground, metres.
LEAST_HEIGHT_M = 1.0


class PoseSettings(NamedTuple):
    """
    How poses are read.

    ``height``: one of :data:`HEIGHTS`; ``height_value``: metres, of ``constant`` the height
    above ground, of ``ground_altitude`` the ground's above the ellipsoid. ``origin``: (latitude,
    longitude) of a local pose's zero. ``offset_s``: added to a picture's stamp before its pose
    is looked up.
    """

    mount: Mount = Mount()
    convention: str = ENU
    height: str = AUTO
    height_value: float = 0.0
    origin: tuple = ()
    longest_gap_s: float = 1.0
    top_speed_mps: float = 100.0
    offset_s: float = 0.0


class CameraPose(NamedTuple):
    """
    The camera in the map: ``position`` (3,) metres, z above the ground's zero.

    ``rotation``: (3, 3) from the optical frame to the map. ``sigma_position``: (e, n, u)
    metres, ``sigma_attitude``: (x, y, z) rad; ``assumed``: one of them was told by nobody.
    """

    position: np.ndarray
    rotation: np.ndarray
    sigma_position: tuple
    sigma_attitude: tuple
    assumed: bool


class Trajectory:
    """
    Takes pose messages in as they come and answers where the camera was.

    The position is the fix's where there is one, else a local pose's about ``origin``; the
    attitude is the Imu's where there is one, else the pose's. ``keep_s`` bounds what is kept.
    """

    def __init__(self, settings, keep_s=None):
        """
        Start without poses.

        :raises UserError: a setting can't be.
        """
        _check(settings)
        self.settings = settings
        self.frame = LocalFrame(*settings.origin) if settings.origin else None
        self.fixes = Track('position (NavSatFix)', keep_s)
        self.imus = Track('orientation (Imu)', keep_s)
        self.poses = Track('pose', keep_s)
        self.ranges = Track('rangefinder height', keep_s)
        self.ground = None
        self._home = None

    def add_fix(self, stamp_ns, message):
        """
        Take in a NavSatFix; the first good one becomes the origin where none was given.

        :raises PoseProblem: it is no fix.
        """
        fix = fix_of(message)
        if self.frame is None:
            self.frame = LocalFrame(fix.latitude, fix.longitude)
        if self._home is None:
            self._home = fix.altitude
        east, north = self.frame.to_metres(fix.latitude, fix.longitude)
        if not math.hypot(east, north) < REACH_M:
            raise PoseProblem('bad_pose', f'the fix {fix.latitude:.4f}, {fix.longitude:.4f} is '
                              f'over {REACH_M / 1000:.0f} km from the first')
        self.fixes.add(stamp_ns, (np.array([east, north, fix.altitude]), fix.sigma))

    def add_imu(self, stamp_ns, message):
        """
        Take in an Imu.

        :raises PoseProblem: it is no orientation.
        :raises UserError: its frame is of another convention.
        """
        self.imus.add(stamp_ns, attitude_of_imu(message, self.settings.convention))

    def add_pose(self, stamp_ns, message):
        """
        Take in a PoseStamped, PoseWithCovarianceStamped or Odometry.

        :raises PoseProblem: it is no pose.
        :raises UserError: its frame is of another convention.
        """
        self.poses.add(stamp_ns, pose_of(message, self.settings.convention))

    def add_range(self, stamp_ns, message):
        """Take in a Range; one out of its own bounds says nothing."""
        metres = range_of(message)
        if metres is not None:
            self.ranges.add(stamp_ns, metres)

    def clear(self):
        """Forget all poses; the origin and the home altitude stay."""
        for track in (self.fixes, self.imus, self.poses, self.ranges):
            track.clear()

    def height_source(self):
        """
        Return which of :data:`HEIGHTS` is in use.

        :raises PoseProblem: ``no_height``: ``auto`` finds nothing that tells it.
        """
        wanted = self.settings.height
        if wanted != AUTO:
            return wanted
        if len(self.ranges):
            return RANGE
        if len(self.poses):
            return POSE_Z
        raise PoseProblem('no_height', 'nothing tells the height above ground: record a '
                          'rangefinder (sensor_msgs/Range), or give the height (constant), the '
                          "ground's altitude (ground_altitude), or home where the first fix was "
                          'taken on the ground')

    def at(self, stamp_ns):
        """
        Return the :class:`CameraPose` at a picture's stamp.

        :raises PoseProblem: it is not known, or nonsense.
        """
        stamp_ns += round(self.settings.offset_s * 1e9)
        body, sigma_attitude = self._attitude(stamp_ns)
        position, sigma = self._position(stamp_ns)
        mount = self.settings.mount
        offset = body @ mount.offset()
        z, sigma_z = self._height(stamp_ns, position, body, sigma)
        place = np.array([position[0], position[1], z]) + offset
        assumed = sigma is None or sigma_attitude is None
        sigma = sigma or ASSUMED_POSITION
        if sigma_attitude is None:
            sigma_attitude = tuple(math.radians(v) for v in ASSUMED_ATTITUDE_DEG)
        return CameraPose(place, mount.camera(body), (sigma[0], sigma[1], sigma_z),
                          sigma_attitude, assumed)

    def _attitude(self, stamp_ns):
        if len(self.imus) or not len(self.poses):
            found = self.imus.at(stamp_ns, self.settings.longest_gap_s)
            first, second = found.first, found.second
        else:
            found = self.poses.at(stamp_ns, self.settings.longest_gap_s)
            first, second = found.first[1], found.second[1]
        return matrix(between(first.quaternion, second.quaternion, found.part)), first.sigma

    def _position(self, stamp_ns):
        """Return the pose's own place (e, n, altitude) and sigma or None."""
        if len(self.fixes):
            found = self.fixes.at(stamp_ns, self.settings.longest_gap_s)
            (first, sigma), (second, _) = found.first, found.second
        elif self.frame is None:
            raise PoseProblem('no_pose', 'no NavSatFix tells where on earth this is, and no '
                              'origin was given')
        else:
            found = self.poses.at(stamp_ns, self.settings.longest_gap_s)
            (a, _), (b, _) = found.first, found.second
            first, second, sigma = np.array(a[:3]), np.array(b[:3]), a.sigma
        step = float(np.hypot(*(second - first)[:2]))
        spread = 6 * max((sigma or ASSUMED_POSITION)[:2])
        if step > self.settings.top_speed_mps * found.gap_s + spread:
            raise PoseProblem('pose_jump', f'the position jumps by {step:.0f} m within '
                              f'{found.gap_s:.2f} s')
        return first + found.part * (second - first), sigma

    def _height(self, stamp_ns, position, body, sigma):
        """Return the pose's z in the map and its sigma, metres."""
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
            # The beam leaves along the body's down: it is longer than the height where tilted.
            height = slant * float(body[2, 2])
            return self._above(under + height, height), RANGE_SHARE * height + 0.1
        if source == CONSTANT:
            return self._above(under + value, value), ASSUMED_HEIGHT_SHARE * value
        if source == POSE_Z:
            up = self._pose_up(stamp_ns)
            return self._above(up, up - under), ASSUMED_HEIGHT_SHARE * abs(up)
        base = value if source == GROUND_ALTITUDE else self._home
        if base is None:
            raise PoseProblem('no_height', 'no altitude of the place of take-off: no NavSatFix')
        up = position[2] - base
        return self._above(up, up - under), (sigma or ASSUMED_POSITION)[2]

    def _pose_up(self, stamp_ns):
        if not len(self.poses):
            raise PoseProblem('no_height', 'no pose message tells its z')
        found = self.poses.at(stamp_ns, self.settings.longest_gap_s)
        a, b = found.first[0].up, found.second[0].up
        return a + found.part * (b - a)

    @staticmethod
    def _above(z, height):
        if not height >= LEAST_HEIGHT_M:
            raise PoseProblem('below_ground', f'the height above ground is {height:.1f} m: '
                              f'from {LEAST_HEIGHT_M:g} m up pictures are laid on it')
        return z


def _check(settings):
    if settings.convention not in CONVENTIONS:
        raise UserError(f"the convention is '{settings.convention}': give "
                        f'{" or ".join(CONVENTIONS)}')
    if settings.height not in HEIGHTS:
        raise UserError(f"the height is '{settings.height}': give one of {', '.join(HEIGHTS)}")
    if settings.height == CONSTANT and not LEAST_HEIGHT_M <= settings.height_value < 1e5:
        raise UserError(f'a constant height of {settings.height_value:g} m: give '
                        f'{LEAST_HEIGHT_M:g} m or more')
