"""The camera: a pinhole view of the scene with blur, light and noise, and its exact labels."""
from __future__ import annotations

from typing import NamedTuple, Tuple

import cv2
import numpy as np

from effvit_ros.flight.path import Pose, REFERENCE_WIDTH
from effvit_ros.flight.scene import Scene

#: Half of the horizontal field of view, rad.
HALF_VIEW = np.radians(32.5)
#: Coarser copies of the scene, each half the last, against aliasing.
LEVELS = 4
#: Longest motion blur, pixels.
LONGEST_BLUR = 9.0


class Light(NamedTuple):
    """
    Light and sensor of one picture.

    ``gain``: exposure, ``blue``, ``red``: white balance against green, ``haze``: 0 (clear)
    to 1, ``noise``: standard deviation of the sensor noise, grey levels.
    """

    gain: float = 1.0
    blue: float = 1.0
    red: float = 1.0
    haze: float = 0.0
    noise: float = 3.0


def flight_light(seed: int, time_s: float) -> Light:
    """Return the :class:`Light` of a flight at ``time_s``: slow drifts about the seed's own."""
    rng = np.random.default_rng([seed, 2])
    gain, blue, red, haze, noise = rng.uniform([0.98, 0.94, 0.94, 0, 2], [1.25, 1.06, 1.06, .2, 5])
    phase = rng.uniform(0, 6.28, 3)
    gain *= 1 + 0.07 * np.sin(0.5 * time_s + phase[0]) + 0.03 * np.sin(1.9 * time_s + phase[1])
    blue *= 1 + 0.02 * np.sin(0.31 * time_s + phase[2])
    return Light(gain, blue, red, haze, noise)


def random_light(rng: np.random.Generator) -> Light:
    """Return a :class:`Light` for a data set: a wider range than one flight has."""
    return Light(*rng.uniform([0.75, 0.9, 0.9, 0, 1], [1.45, 1.1, 1.1, 0.45, 9]))


class Renderer:
    """Renders views of a scene at one picture size; keeps all buffers it needs."""

    def __init__(self, scene: Scene, width: int, height: int, seed: int = 0) -> None:
        self.width, self.height = width, height
        self._labels = scene.labels
        self._pyramid = [scene.image]
        for _ in range(LEVELS - 1):
            last = self._pyramid[-1]
            self._pyramid.append(cv2.resize(last, (last.shape[1] // 2, last.shape[0] // 2),
                                            interpolation=cv2.INTER_AREA))
        rng = np.random.default_rng([seed, 3])
        self._vignette = self._make_vignette(rng)
        shape = height + 64, width + 64, 3
        # Sensor noise with standard deviation 16 about 128; views are cut from it.
        noise = np.empty(shape, np.int16)
        cv2.setRNGSeed(int(rng.integers(1 << 30)))
        cv2.randn(noise, np.full(3, 128.0), np.full(3, 16.0))
        self._noise = np.clip(noise, 0, 255).astype(np.uint8)

    def _make_vignette(self, rng: np.random.Generator) -> np.ndarray:
        y, x = np.mgrid[0:self.height, 0:self.width].astype(np.float32)
        x, y = x / self.width - 0.5, y / self.height - 0.5
        fall = 255 * (1 - rng.uniform(0.1, 0.5) * (x * x + y * y))
        return cv2.merge([fall.astype(np.uint8)] * 3)

    def homography(self, pose: Pose) -> np.ndarray:
        """
        Return the 3x3 matrix that takes picture pixels (u, v, 1) to map pixels (x, y, 1).

        A pinhole over flat ground; the ray in the middle of the picture meets (pose.x, pose.y).
        """
        focal = self.width / 2 / np.tan(HALF_VIEW)
        place, depth, turn = self.camera(pose)
        inverse_camera = np.array([[1 / focal, 0, -(self.width - 1) / 2 / focal],
                                   [0, 1 / focal, -(self.height - 1) / 2 / focal],
                                   [0, 0, 1]])
        ground = np.array([[depth, 0, place[0]],
                           [0, depth, place[1]],
                           [0, 0, 1]])
        return ground @ turn @ inverse_camera

    @staticmethod
    def camera(pose: Pose) -> Tuple[np.ndarray, float, np.ndarray]:
        """
        Return the camera's place (x, y), its height, and its (3, 3) rotation.

        All in map pixels; the rotation takes the optical frame to x, y of the map and down.
        """
        # The same for each width: a wider picture has a longer focal length in pixels.
        depth = pose.scale * (REFERENCE_WIDTH / 2 / np.tan(HALF_VIEW))
        turn = _about_z(pose.heading + np.pi / 2) @ _about_x(pose.pitch) @ _about_y(pose.roll)
        forward = turn[:, 2]
        place = np.array([pose.x, pose.y]) - depth * forward[:2] / forward[2]
        return place, depth, turn

    def render(self, pose: Pose, light: Light = Light(), motion: Tuple[float, float] = (0.0, 0.0),
               grain: int = 0) -> Tuple[np.ndarray, np.ndarray]:
        """
        Render one view: image (H, W, 3) uint8 BGR and labels (H, W) uint8.

        ``motion``: (x, y) pixels that the picture moves while the shutter is open.
        ``grain``: any int >= 0; chooses the noise.
        """
        matrix = self.homography(pose)
        size = self.width, self.height
        labels = cv2.warpPerspective(
            self._labels, matrix, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT_101)
        scale = pose.scale * REFERENCE_WIDTH / self.width / np.cos(pose.pitch) ** 1.5
        level = int(np.clip(np.floor(np.log2(scale) + 0.35), 0, LEVELS - 1))
        shift = 0.5 / 2 ** level - 0.5
        shrink = np.array([[0.5 ** level, 0, shift], [0, 0.5 ** level, shift], [0, 0, 1]])
        image = cv2.warpPerspective(
            self._pyramid[level], shrink @ matrix, size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT_101)
        image = _blur(image, motion)
        image = cv2.multiply(cv2.LUT(image, _tone(light)), self._vignette, scale=1 / 255)
        x, y = grain * 37 % 64, grain * 53 // 7 % 64
        noise = self._noise[y:y + self.height, x:x + self.width]
        amount = light.noise / 16
        image = cv2.addWeighted(image, 1, noise, amount, -128 * amount)
        return image, labels


def _tone(light: Light) -> np.ndarray:
    """Table (256, 1, 3) uint8 for exposure, white balance and haze."""
    level = np.arange(256)[:, None] * light.gain * np.array([[light.blue, 1, light.red]])
    # A soft shoulder instead of hard clipping.
    level = np.where(level > 200, 200 + 55 * np.tanh((level - 200) / 55), level)
    level = level * (1 - 0.5 * light.haze) + 0.5 * light.haze * np.array([[205, 196, 188]])
    return np.clip(level, 0, 255).astype(np.uint8)[:, None]


def _blur(image: np.ndarray, motion: Tuple[float, float]) -> np.ndarray:
    length = min(float(np.hypot(*motion)), LONGEST_BLUR)
    if length < 1.2:
        return image
    half = int(np.ceil(length / 2))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    direction = np.asarray(motion) / np.hypot(*motion) * length / 2
    start, end = (tuple(int(v) for v in np.round((half + sign * direction) * 16))
                  for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_8, 4)
    rows, cols = np.flatnonzero(kernel.any(1)), np.flatnonzero(kernel.any(0))
    kernel = kernel[rows[0]:rows[-1] + 1, cols[0]:cols[-1] + 1]
    return cv2.filter2D(image, -1, kernel / kernel.sum())


def _about_x(angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])


def _about_y(angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


def _about_z(angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
