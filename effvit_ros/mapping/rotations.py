"""Rotations: quaternions in ROS's order x, y, z, w, and the two conventions of the field."""
from __future__ import annotations

import math
from typing import Optional, Sequence, Union

import numpy as np

#: Columns: the optical frame's axes (right, down, into the picture) in the frame of a camera
#: body that looks forward (REP 103: forward, left, up).
OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
#: Takes north-east-down to east-north-up, and back.
NED_ENU = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
#: Takes forward-right-down to forward-left-up, and back.
FRD_FLU = np.diag([1.0, -1.0, -1.0])


def about_x(angle: float) -> np.ndarray:
    """Return the (3, 3) rotation by ``angle`` rad about x."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])


def about_y(angle: float) -> np.ndarray:
    """Return the (3, 3) rotation by ``angle`` rad about y."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


def about_z(angle: float) -> np.ndarray:
    """Return the (3, 3) rotation by ``angle`` rad about z."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def normalized(quaternion: Union[np.ndarray, Sequence[float]]) -> Optional[np.ndarray]:
    """Return the unit quaternion (4,), or None where it is no rotation: zero, or no number."""
    quaternion = np.asarray(quaternion, np.float64)
    norm = float(np.linalg.norm(quaternion))
    if not math.isfinite(norm) or abs(norm - 1) > 0.1:
        return None
    return quaternion / norm


def matrix(quaternion: np.ndarray) -> np.ndarray:
    """Return the (3, 3) rotation of a unit quaternion (x, y, z, w)."""
    x, y, z, w = quaternion
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])


def quaternion_of(rotation: np.ndarray) -> np.ndarray:
    """Return the unit quaternion (x, y, z, w), w >= 0, of a (3, 3) rotation."""
    m = rotation
    # The largest of the four squares first, against cancellation.
    squares = np.array([1 + m[0, 0] - m[1, 1] - m[2, 2], 1 - m[0, 0] + m[1, 1] - m[2, 2],
                        1 - m[0, 0] - m[1, 1] + m[2, 2], 1 + m[0, 0] + m[1, 1] + m[2, 2]])
    largest = int(squares.argmax())
    if largest == 3:
        q = np.array([m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], squares[3]])
    else:
        i, j, k = largest, (largest + 1) % 3, (largest + 2) % 3
        q = np.empty(4)
        q[i], q[j], q[k] = squares[i], m[j, i] + m[i, j], m[k, i] + m[i, k]
        q[3] = m[k, j] - m[j, k]
    q /= np.linalg.norm(q)
    return -q if q[3] < 0 else q


def between(first: np.ndarray, second: np.ndarray, part: float) -> np.ndarray:
    """Return the unit quaternion ``part`` (0..1) of the way, by the shorter arc."""
    dot = float(np.dot(first, second))
    if dot < 0:
        second, dot = -second, -dot
    if dot > 0.9995:
        mixed = first + part * (second - first)
    else:
        angle = math.acos(dot)
        mixed = (math.sin((1 - part) * angle) * first + math.sin(part * angle) * second)
    return mixed / np.linalg.norm(mixed)
