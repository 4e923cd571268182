"""The camera as ``sensor_msgs/CameraInfo`` describes it: pixels to rays and rays to pixels."""
from __future__ import annotations

from typing import Any, NamedTuple, Tuple

import cv2
import numpy as np

from effvit_ros.core.errors import UserError

FISHEYE = 'equidistant'
#: Model -> how many coefficients it may have.
MODELS = {'plumb_bob': (4, 5), 'rational_polynomial': (8, 12, 14), FISHEYE: (4,)}


class CameraModel(NamedTuple):
    """
    ``k``: (3, 3) of the pixels of pictures of ``width`` x ``height``; pixel 0 is its centre.

    ``distortion``: coefficients in OpenCV's order, empty for none; ``fisheye``: they are of
    the equidistant model.
    """

    width: int
    height: int
    k: np.ndarray
    distortion: np.ndarray
    fisheye: bool = False

    def scaled(self, width: int, height: int) -> CameraModel:
        """
        Return the model for the same picture resized.

        :raises UserError: the shape is another: cropped rather than resized.
        """
        if (width, height) == (self.width, self.height):
            return self
        sx, sy = width / self.width, height / self.height
        if abs(sx / sy - 1) > 0.01:
            raise UserError(f'camera_info is for pictures of {self.width}x{self.height}, these '
                            f'are {width}x{height}: a crop can be anywhere, so nothing is mapped')
        k = self.k.copy()
        # Pixel centres: (u + 1/2) scales.
        k[0] *= sx
        k[1] *= sy
        k[0, 2] += (sx - 1) / 2
        k[1, 2] += (sy - 1) / 2
        return self._replace(width=width, height=height, k=k)

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Return the directions (n, 3), z = 1 in the optical frame, of pixels (n, 2)."""
        pixels = np.asarray(pixels, np.float64).reshape(-1, 1, 2)
        if self.fisheye:
            flat = cv2.fisheye.undistortPoints(pixels, self.k, self.distortion)
        elif self.distortion.size:
            flat = cv2.undistortPoints(pixels, self.k, self.distortion)
        else:
            inverse = np.linalg.inv(self.k)
            flat = pixels.reshape(-1, 2) @ inverse[:2, :2].T + inverse[:2, 2]
        flat = np.asarray(flat).reshape(-1, 2)
        return np.column_stack([flat, np.ones(len(flat))])

    def pixels(self, points: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """
        Return (u, v) float arrays of points (3, n) in the optical frame, all with z > 0.

        Where the lens's polynomial says nothing sensible, far outside the picture, they are
        NaN.
        """
        x, y = points[0] / points[2], points[1] / points[2]
        if not self.distortion.size:
            return (self.k[0, 0] * x + self.k[0, 1] * y + self.k[0, 2],
                    self.k[1, 1] * y + self.k[1, 2])
        flat = np.stack([x, y], -1).reshape(-1, 1, 2)
        if self.fisheye:
            drawn = cv2.fisheye.distortPoints(flat, self.k, self.distortion)
        else:
            spatial = np.concatenate([flat, np.ones_like(flat[..., :1])], -1)
            drawn, _ = cv2.projectPoints(spatial, np.zeros(3), np.zeros(3), self.k,
                                         self.distortion)
        drawn = drawn.reshape(-1, 2).copy()
        drawn[np.hypot(x, y) > self._reach()] = np.nan
        return drawn[:, 0], drawn[:, 1]

    def border(self, per_side: int = 24) -> np.ndarray:
        """Return pixels (n, 2) along the picture's outline."""
        u = np.linspace(-0.5, self.width - 0.5, per_side)
        v = np.linspace(-0.5, self.height - 0.5, per_side)
        return np.concatenate([
            np.column_stack([u, np.full(per_side, v[0])]),
            np.column_stack([u, np.full(per_side, v[-1])]),
            np.column_stack([np.full(per_side, u[0]), v]),
            np.column_stack([np.full(per_side, u[-1]), v])])

    def _reach(self) -> float:
        """Return the largest distance from the axis, at depth 1, that the picture shows."""
        rays = self.rays(self.border())
        return float(np.hypot(rays[:, 0], rays[:, 1]).max()) * 1.02


def camera_model(info: Any, rectified: bool = False) -> CameraModel:
    """
    Return the :class:`CameraModel` of a CameraInfo message, of any ROS binding.

    :param rectified: the pictures were rectified: ``p`` holds, without distortion.
    :raises UserError: it is uncalibrated, or of a model that is not known.
    """
    width, height = int(info.width), int(info.height)
    k = np.array(getattr(info, 'k', getattr(info, 'K', None)), np.float64).reshape(3, 3)
    p = np.array(getattr(info, 'p', getattr(info, 'P', None)), np.float64).reshape(3, 4)
    coefficients = np.array(getattr(info, 'd', getattr(info, 'D', None)), np.float64)
    if rectified:
        k, coefficients = p[:, :3].copy(), np.empty(0)
    if not width or not height or not np.isfinite(k).all() or k[0, 0] <= 0 or k[1, 1] <= 0:
        raise UserError(f'camera_info is uncalibrated ({width}x{height}, focal length '
                        f'{k[0, 0]:g}): calibrate the camera (camera_calibration)')
    model = info.distortion_model
    if not np.isfinite(coefficients).all():
        raise UserError('camera_info.d holds what is no number: calibrate the camera again')
    if not coefficients.any() and model != FISHEYE:
        coefficients = np.empty(0)
    elif model not in MODELS or coefficients.size not in MODELS[model]:
        raise UserError(f"camera_info has {coefficients.size} coefficients of the model "
                        f"'{model}': known are {', '.join(MODELS)}")
    model_of = CameraModel(width, height, k, coefficients,
                           model == FISHEYE and not rectified)
    return _cut(model_of, info)


def _cut(model: CameraModel, info: Any) -> CameraModel:
    """Honour binning and the region of interest: ``k`` speaks of the whole sensor."""
    bin_x, bin_y = max(1, int(info.binning_x)), max(1, int(info.binning_y))
    roi = info.roi
    if bin_x == bin_y == 1 and not (roi.width or roi.height or roi.x_offset or roi.y_offset):
        return model
    k = model.k.copy()
    k[0, 2] -= roi.x_offset
    k[1, 2] -= roi.y_offset
    width, height = int(roi.width) or model.width, int(roi.height) or model.height
    cut = model._replace(width=width, height=height, k=k)
    return cut.scaled(width // bin_x, height // bin_y)
