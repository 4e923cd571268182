"""How poses are read, where the height comes from, and what comes of it."""
from __future__ import annotations

from typing import NamedTuple, Tuple

import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.mapping.mount import Mount
from effvit_ros.mapping.pose_messages import check_frame, CONVENTIONS, ENU, NED, Sigma

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
    is looked up. ``frames``: (the map's, the camera's optical one) where tf2 tells the camera's
    pose, empty where messages of poses do.
    """

    mount: Mount = Mount()
    convention: str = ENU
    height: str = AUTO
    height_value: float = 0.0
    origin: Tuple[float, ...] = ()
    longest_gap_s: float = 1.0
    top_speed_mps: float = 100.0
    offset_s: float = 0.0
    frames: Tuple[str, ...] = ()


class CameraPose(NamedTuple):
    """
    The camera in the map: ``position`` (3,) metres, z above the ground's zero.

    ``rotation``: (3, 3) from the optical frame to the map. ``sigma_position``: (e, n, u)
    metres, ``sigma_attitude``: (x, y, z) rad; ``assumed``: one of them was told by nobody.
    """

    position: np.ndarray
    rotation: np.ndarray
    sigma_position: Sigma
    sigma_attitude: Sigma
    assumed: bool


def check_settings(settings: PoseSettings) -> None:
    """
    Refuse what can't be.

    :raises UserError: names the setting, its value and what to give.
    """
    if settings.convention not in CONVENTIONS:
        raise UserError(f"the convention is '{settings.convention}': give "
                        f'{" or ".join(CONVENTIONS)}')
    if settings.height not in HEIGHTS:
        raise UserError(f"the height is '{settings.height}': give one of {', '.join(HEIGHTS)}")
    if settings.height == CONSTANT and not LEAST_HEIGHT_M <= settings.height_value < 1e5:
        raise UserError(f'a constant height of {settings.height_value:g} m: give '
                        f'{LEAST_HEIGHT_M:g} m or more')
    if settings.frames:
        if settings.convention == NED:
            raise UserError('the convention ned was given, but tf2 is east-north-up (REP 103): '
                            'leave it out')
        check_frame(settings.frames[0], ENU, 'tf')
