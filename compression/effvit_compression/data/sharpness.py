"""
Sharpness that does not tell the class.

Each set has its camera, height and scale, so a network learns that smooth ground is a landslide
and sharp ground is none. Crops get softer, sharper, or the fine detail of another crop instead of
a part of their own.
"""
from __future__ import annotations

import cv2
import numpy as np


def changed_sharpness(image: np.ndarray, other: np.ndarray, chance: float,
                      rng: np.random.Generator) -> np.ndarray:
    """
    Return the picture, with the chance softer, sharper or with detail of the other, each as often.

    :param image: (S, S, 3) uint8; ``other`` likewise.
    """
    if rng.random() >= chance:
        return image
    kind = rng.integers(3)
    if kind == 0:
        return cv2.GaussianBlur(image, (0, 0), np.exp(rng.uniform(np.log(0.6), np.log(3))))
    sigma = rng.uniform(0.7, 2)
    if kind == 1:
        return detailed(image, image, 1, rng.uniform(0.3, 2), sigma)
    return detailed(image, other, rng.uniform(0.2, 1), rng.uniform(0.3, 1), sigma)


def detailed(image: np.ndarray, other: np.ndarray, kept: float, added: float,
             sigma: float) -> np.ndarray:
    """
    Return the picture with a part of its fine detail, and with some of the other's.

    :param kept: factor of its own, ``added`` of the other's.
    :param sigma: of the Gaussian that parts detail from the rest, in pixels.
    """
    own, coarse = image.astype(np.float32), cv2.GaussianBlur(image, (0, 0), sigma)
    detail = other.astype(np.float32) - cv2.GaussianBlur(other, (0, 0), sigma)
    return (coarse + kept * (own - coarse) + added * detail + 0.5).clip(0, 255).astype(np.uint8)
