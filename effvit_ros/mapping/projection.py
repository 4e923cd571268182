"""A picture's pixels looked up for the cells of the ground that it sees."""
from __future__ import annotations

import math
from typing import NamedTuple, Optional, Tuple

import cv2
import numpy as np

from effvit_ros.core.classes import IGNORE
from effvit_ros.mapping.camera_model import CameraModel
from effvit_ros.mapping.ground import Ground
from effvit_ros.mapping.pose_settings import CameraPose
from effvit_ros.mapping.track import PoseProblem

#: Cells of one view that would be more than this are a mistake: of height, or of the cell.
MOST_CELLS = 1 << 25


#: Metres of a pixel's side on the ground from which on finer pixels tell no more of a class.
FINE_M = 0.1


class Grid(NamedTuple):
    """Cells of ``cell_m`` metres; (row, column) covers north row * cell .., east column * cell."""

    cell_m: float = 0.25
    #: Degrees from straight down beyond which pixels are not used.
    widest_angle_deg: float = 60.0


class Footprint(NamedTuple):
    """
    Where the cells of a box of the ground lie in a picture.

    ``row``, ``column``: the box's south-west cell. ``u``, ``v``: (H, W) float32, pixels, row 0
    in the south; -1e6 where the picture does not see the cell. ``weight``: (H, W) float32, 0
    to 1, by viewing angle and ground sampling distance; 0 where unseen.
    """

    row: int
    column: int
    u: np.ndarray
    v: np.ndarray
    weight: np.ndarray


def footprint(camera: CameraModel, pose: CameraPose, ground: Ground,
              grid: Grid) -> Footprint:
    """
    Return the :class:`Footprint` of a picture.

    :param camera: :class:`~effvit_ros.mapping.camera_model.CameraModel`.
    :param pose: :class:`~effvit_ros.mapping.trajectory.CameraPose`.
    :raises PoseProblem: ``horizon``: no ground is seen, ``below_ground``.
    """
    cell, lowest, highest = grid.cell_m, *ground.lowest_highest()
    height = pose.position[2] - float(ground.height(pose.position[0], pose.position[1]))
    if not height > 0:
        raise PoseProblem('below_ground', f'the camera is {-height:.1f} m below the ground')
    west, south, east, north = _box(camera, pose, grid, pose.position[2] - lowest)
    column, row = math.floor(west / cell), math.floor(south / cell)
    width, depth = math.ceil(east / cell) - column, math.ceil(north / cell) - row
    if width * depth > MOST_CELLS:
        raise PoseProblem('below_ground' if height < 0 else 'horizon',
                          f'one picture would cover {width} x {depth} cells of {cell:g} m: '
                          'give larger cells or a smaller viewing angle')
    x = (column + np.arange(width) + 0.5) * cell
    y = (row + np.arange(depth) + 0.5) * cell
    z = 0.0 if lowest == highest == 0 else ground.height(*np.meshgrid(x, y)).astype(np.float32)
    return _looked_up(camera, pose, grid, row, column,
                      (x - pose.position[0]).astype(np.float32)[None, :],
                      (y - pose.position[1]).astype(np.float32)[:, None],
                      np.float32(-pose.position[2]) + z)


def _looked_up(camera: CameraModel, pose: CameraPose, grid: Grid, row: int, column: int,
               dx: np.ndarray, dy: np.ndarray, dz: np.ndarray) -> Footprint:
    """Project cells at (dx, dy, dz) from the camera; one of them may be broadcast."""
    turn = pose.rotation.T.astype(np.float32)
    points = [turn[k, 0] * dx + turn[k, 1] * dy + turn[k, 2] * dz for k in range(3)]
    distance = np.sqrt(dx * dx + dy * dy + dz * dz)
    cosine = -dz / distance
    with np.errstate(invalid='ignore'):
        seen = (points[2] > 1e-3) & (cosine > math.cos(math.radians(grid.widest_angle_deg)))
    u = np.full(seen.shape, -1e6, np.float32)
    v = u.copy()
    found_u, found_v = camera.pixels(np.stack([p[seen] for p in points]).astype(np.float64))
    u[seen], v[seen] = found_u, found_v
    with np.errstate(invalid='ignore'):
        inside = ((u > -0.5) & (u < camera.width - 0.5)
                  & (v > -0.5) & (v < camera.height - 0.5))
    if not inside.any():
        raise PoseProblem('horizon', 'no ground is seen within '
                          f'{grid.widest_angle_deg:g} degrees from straight down')
    u[~inside] = v[~inside] = -1e6
    # A pixel's area on level ground: depth^3 / (fx fy h).
    focal2 = np.float32(camera.k[0, 0] * camera.k[1, 1])
    area = points[2] ** 3 / (focal2 * np.maximum(-dz, 1e-3))
    weight = np.where(inside, cosine * np.minimum(1, FINE_M ** 2 / np.maximum(area, 1e-9)),
                      0).astype(np.float32)
    return Footprint(row, column, u, v, weight)


def _box(camera: CameraModel, pose: CameraPose, grid: Grid,
         height: float) -> Tuple[float, float, float, float]:
    """Return west, south, east, north of what the picture sees, with a little around it."""
    border = camera.border()
    u, v = np.meshgrid(np.linspace(0, camera.width - 1, 9), np.linspace(0, camera.height - 1, 9))
    rays = camera.rays(np.concatenate([border, np.column_stack([u.ravel(), v.ravel()])]))
    rays = rays @ pose.rotation.T
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    limit = math.radians(grid.widest_angle_deg)
    angle = np.arccos(np.clip(-rays[:, 2], -1, 1))
    if not (angle < limit).any():
        raise PoseProblem('horizon', 'the camera looks at the horizon or above: no ground within '
                          f'{grid.widest_angle_deg:g} degrees from straight down')
    reach = height * np.tan(np.minimum(angle, limit))
    level = rays[:, :2] / np.maximum(np.hypot(rays[:, 0], rays[:, 1]), 1e-12)[:, None]
    places = pose.position[:2] + level * reach[:, None]
    low, high = places.min(0), places.max(0)
    margin = 0.02 * (high - low).max() + 2 * grid.cell_m
    return low[0] - margin, low[1] - margin, high[0] + margin, high[1] + margin


def sampled(values: np.ndarray, place: Footprint, outside: int) -> np.ndarray:
    """
    Return values of the nearest pixels, (H, W), ``outside`` where the picture sees nothing.

    :param values: (height, width) of the picture, any dtype.
    """
    column, row = np.rint(place.u).astype(np.int32), np.rint(place.v).astype(np.int32)
    unseen = place.weight == 0
    column[unseen] = row[unseen] = 0
    found = values[row, column]
    found[unseen] = outside
    return found


def sampled_picture(bgr: np.ndarray, place: Footprint) -> np.ndarray:
    """Return the picture's colours at the cells, (H, W, 3) uint8, bilinear, 0 where unseen."""
    return cv2.remap(bgr, place.u, place.v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def sampled_labels(labels: np.ndarray, confidence: Optional[np.ndarray],
                   place: Footprint) -> Tuple[np.ndarray, np.ndarray]:
    """
    Return (labels (H, W) uint8 with :data:`IGNORE` where unseen, evidence (H, W) float32).

    :param labels: (height, width) uint8 of the camera's size.
    :param confidence: the same shape, uint8 0..255, or None for certainty.
    """
    found = sampled(labels, place, IGNORE)
    weight = np.where(found == IGNORE, np.float32(0), place.weight)
    if confidence is not None:
        weight = weight * (sampled(confidence, place, 0).astype(np.float32) / 255)
    return found, weight
