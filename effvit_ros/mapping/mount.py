"""How the camera sits on the aircraft: fixed to it, or on a gimbal that keeps the horizon."""
from __future__ import annotations

import math
from typing import Any, Mapping, NamedTuple, Optional

import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.mapping.rotations import about_x, about_y, about_z, OPTICAL

FIXED, GIMBAL = 'fixed', 'gimbal'
#: Gimbals that turn in flight and tell their attitude against the body, or against the world.
GIMBAL_BODY, GIMBAL_WORLD = 'gimbal_body', 'gimbal_world'
MOVING = (GIMBAL_BODY, GIMBAL_WORLD)
KINDS = (FIXED, GIMBAL, *MOVING)


class Mount(NamedTuple):
    """
    Where the camera looks, by three angles whose signs need no convention to be known.

    ``tilt_deg``: how far below the horizon: 0 forward, 90 straight down with the picture's top
    at the nose. ``pan_deg``: to the right of the nose. ``roll_deg``: of the camera about its
    own axis, clockwise as it sees. ``kind`` ``fixed``: the angles are the aircraft's; ``gimbal``:
    tilt and roll are kept against the horizon, only the heading is the aircraft's;
    ``gimbal_body``, ``gimbal_world``: messages tell where it looks, the angles are not used.
    ``forward_m``, ``left_m``, ``up_m``: the camera's place from that of the pose.
    """

    kind: str = FIXED
    tilt_deg: float = 90.0
    pan_deg: float = 0.0
    roll_deg: float = 0.0
    forward_m: float = 0.0
    left_m: float = 0.0
    up_m: float = 0.0

    def optical_to_body(self) -> np.ndarray:
        """Return the (3, 3) rotation from the optical frame to the body's (REP 103)."""
        # Positive about y (left) turns the nose down, positive about z to the left.
        return (about_z(-math.radians(self.pan_deg)) @ about_y(math.radians(self.tilt_deg))
                @ about_x(math.radians(self.roll_deg)) @ OPTICAL)

    def offset(self) -> np.ndarray:
        """Return the camera's place in the body's frame, (3,) metres."""
        return np.array([self.forward_m, self.left_m, self.up_m])

    def camera(self, body_to_map: np.ndarray, head: Optional[np.ndarray] = None) -> np.ndarray:
        """
        Return the (3, 3) rotation from the optical frame to the map, of a body's rotation.

        :param head: of a moving gimbal, the (3, 3) rotation of the camera's own body (forward,
            left, up) in the aircraft's, or in the map.
        """
        if self.kind in MOVING:
            return (body_to_map @ head if self.kind == GIMBAL_BODY else head) @ OPTICAL
        if self.kind == GIMBAL:
            # The nose's own direction on the ground; a vertical nose has none.
            nose = body_to_map[:2, 0]
            body_to_map = about_z(math.atan2(nose[1], nose[0]))
        return body_to_map @ self.optical_to_body()


def mount_of(values: Mapping[str, Any]) -> Mount:
    """
    Return the :class:`Mount` of a mapping, such as a vehicle file's section ``mount``.

    :raises UserError: an unknown key, or a value that is not allowed.
    """
    for key, value in values.items():
        if key not in Mount._fields:
            raise UserError(f'mount.{key} is unknown: give {", ".join(Mount._fields)}')
        if key == 'kind':
            if value not in KINDS:
                raise UserError(f"mount.kind is '{value}': give {' or '.join(KINDS)}")
        elif isinstance(value, bool) or not isinstance(value, (int, float)) or (
                not math.isfinite(value) or abs(value) > 360):
            raise UserError(f"mount.{key} is '{value}': give a number from -360 to 360")
    return Mount(**values)
