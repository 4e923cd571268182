"""
Random crops of a picture, as the deployed network will see it.

Deployment stretches every picture to the network's square input, so the crop's scale is
relative to that stretch and the aspect ratio is jittered. Stretch, scale, aspect, rotation,
flip and crop are one affine map: each pixel is interpolated once, straight from the source.
"""
from __future__ import annotations

from typing import Optional, Tuple

import cv2
import numpy as np
import pydantic


class Augmentation(pydantic.BaseModel):
    """Ranges of the random changes; every default is what the shipped models were trained with."""

    model_config = pydantic.ConfigDict(extra='forbid', allow_inf_nan=False)

    #: Zoom relative to the stretched picture, log-uniform.
    scale: Tuple[pydantic.PositiveFloat, pydantic.PositiveFloat] = (0.5, 1.8)
    aspect: float = pydantic.Field(1.3, ge=1)  # width : height changes by up to this factor
    tilt: float = pydantic.Field(10.0, ge=0, le=180)  # degrees, uniform both ways
    quarter_turns: bool = True  # nadir views have no "up"
    flip: bool = True          # mirror left-right in half of the crops
    #: Strength of the changes of brightness, contrast, gamma and channel gain.
    colour: float = pydantic.Field(0.35, ge=0, le=1)
    degrade: float = pydantic.Field(0.2, ge=0, le=1)  # probability of each of blur, noise, grey

    @pydantic.field_validator('scale')
    @classmethod
    def _ordered(cls, scale):
        if scale[0] > scale[1]:
            raise ValueError('give the smaller zoom first')
        return scale


def random_crop(image: np.ndarray, label: np.ndarray, size: int, stretch: int,
                settings: Augmentation, rng: np.random.Generator,
                focus: Optional[Tuple[float, float]] = None) -> Tuple[np.ndarray, np.ndarray]:
    """
    Cut a random crop of size x size.

    :param image: (H, W, 3) uint8 RGB.
    :param label: (H, W) uint8.
    :param stretch: side of the square input that deployment stretches pictures to.
    :param focus: (x, y) in source pixels that should be inside the crop.
    :returns: image (size, size, 3) uint8 and label (size, size) uint8.
    """
    matrix = crop_matrix(image.shape[:2], size, stretch, settings, rng, focus)
    crop = cv2.warpAffine(image, matrix, (size, size),
                          flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_REFLECT_101)
    ids = cv2.warpAffine(label, matrix, (size, size),
                         flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
                         borderMode=cv2.BORDER_REFLECT_101)
    return change_colours(crop, settings, rng), ids


def crop_matrix(shape: Tuple[int, int], size: int, stretch: int, settings: Augmentation,
                rng: np.random.Generator, focus: Optional[Tuple[float, float]]) -> np.ndarray:
    """Affine map from crop pixels to source pixels, (2, 3) float64."""
    height, width = shape
    to_stretch = np.array([stretch / width, stretch / height])
    scale = np.exp(rng.uniform(*np.log(settings.scale)))
    aspect = np.exp(rng.uniform(-1, 1) * np.log(settings.aspect) / 2)
    angle = np.deg2rad(rng.uniform(-settings.tilt, settings.tilt))
    if settings.quarter_turns:
        angle += rng.integers(4) * np.pi / 2
    mirror = -1.0 if settings.flip and rng.random() < 0.5 else 1.0

    half = min(size / (2 * scale), stretch / 2)  # of the crop, in stretched pixels
    centre = rng.uniform(half, stretch - half, 2)
    if focus is not None:
        wanted = np.array(focus) * to_stretch + rng.uniform(-0.7, 0.7, 2) * half
        centre = np.clip(wanted, half, stretch - half)

    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([mirror / aspect, aspect]) / scale
    linear = np.diag(1 / to_stretch) @ linear  # crop pixels -> source pixels
    offset = centre / to_stretch - linear @ np.full(2, (size - 1) / 2)
    return np.column_stack([linear, offset])


def change_colours(image: np.ndarray, settings: Augmentation,
                   rng: np.random.Generator) -> np.ndarray:
    """Brightness, contrast, gamma and channel gain by one table, then sometimes degradation."""
    s = settings.colour
    ramp = np.linspace(0, 1, 256)[:, None] ** np.exp(rng.uniform(-s, s))
    gain = np.exp(rng.uniform(-s, s) + rng.uniform(-s, s, 3) * 0.4)
    table = (ramp - 0.5) * gain * np.exp(rng.uniform(-s, s)) + 0.5 + rng.uniform(-s, s) * 0.3
    image = cv2.LUT(image, (table * 255).clip(0, 255).astype(np.uint8).reshape(1, 256, 3))
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    keep = rng.uniform(1 - s, 1 + s)
    if rng.random() < settings.degrade / 2:
        keep = 0.0
    image = cv2.addWeighted(image, keep, grey, 1 - keep, 0)
    if rng.random() < settings.degrade:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.4))
    if rng.random() < settings.degrade:
        noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(2, 10)
        image = (image + noise).clip(0, 255).astype(np.uint8)
    return image
