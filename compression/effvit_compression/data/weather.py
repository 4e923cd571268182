"""What the air, the light and the link do to a drone's pictures."""
from __future__ import annotations

from typing import Sequence

import cv2
import numpy as np


def degraded(image: np.ndarray, chance: float, rng: np.random.Generator) -> np.ndarray:
    """Haze or smoke, shadow, motion blur and JPEG, each with the chance; (H, W, 3) uint8 RGB."""
    if rng.random() < chance:
        image = hazy(image, rng)
    if rng.random() < chance:
        image = shaded(image, rng)
    if rng.random() < chance:
        image = moved(image, rng)
    if rng.random() < chance:
        image = compressed(image, int(rng.integers(25, 80)))
    return image


def clouds(shape: Sequence[int], rng: np.random.Generator, cells: int = 4) -> np.ndarray:
    """Return smooth random numbers of 0 to 1, (H, W, 1) float32."""
    coarse = rng.random((cells, cells), np.float32)
    return cv2.resize(coarse, shape[1::-1], interpolation=cv2.INTER_CUBIC).clip(0, 1)[..., None]


def hazy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put a veil of one light colour before the picture, in places thicker than in others."""
    veil = rng.uniform(140, 250) + rng.uniform(-12, 12, 3).astype(np.float32)
    thickness = rng.uniform(0.1, 0.6) * (0.4 + 0.6 * clouds(image.shape, rng))
    return (image * (1 - thickness) + veil * thickness).clip(0, 255).astype(np.uint8)


def shaded(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Darken half of the picture, with a border as sharp as a cloud's or as a wall's."""
    sharpness = np.exp(rng.uniform(np.log(4), np.log(60)))
    light = 1 / (1 + np.exp(-sharpness * (clouds(image.shape, rng, 3) - 0.5)))
    darkest = rng.uniform(0.35, 0.8)
    return (image * (darkest + (1 - darkest) * light)).astype(np.uint8)


def moved(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur along a line of 3 to 9 pixels."""
    length, angle = int(rng.integers(3, 10)), rng.uniform(0, np.pi)
    kernel = np.zeros((length, length), np.float32)
    reach = (length - 1) / 2
    step = np.array([np.cos(angle), np.sin(angle)]) * reach
    start, end = (tuple(int(round(v)) for v in reach + sign * step) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return cv2.filter2D(image, -1, kernel / kernel.sum())


def compressed(image: np.ndarray, quality: int) -> np.ndarray:
    """Return what is left of a picture in JPEG."""
    _, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None  # it was encoded here
    return decoded
