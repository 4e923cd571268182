"""
Random crops of a picture, as the deployed network will see it.

Deployment stretches every picture to the network's square input, so the crop's scale is
relative to that stretch and the aspect ratio is jittered. Stretch, scale, aspect, rotation,
flip, perspective and crop are one map: each pixel is interpolated once, straight from the source.
"""
from __future__ import annotations

from typing import Annotated, Dict, Literal, NamedTuple, Optional, Sequence, Tuple

import cv2
import numpy as np
import pydantic

from effvit_compression.data.weather import degraded

#: Side of a cell of a teacher's answer, in pixels of the crop.
CELL = 4
#: Of ``data/recolour.py``.
PaletteName = Literal['soil', 'ground', 'water', 'roof', 'asphalt']
Chance = Annotated[float, pydantic.Field(ge=0, le=1)]


class Augmentation(pydantic.BaseModel):
    """Ranges of the random changes; what is off by default came after the first models."""

    model_config = pydantic.ConfigDict(extra='forbid', allow_inf_nan=False)

    #: Zoom relative to the stretched picture, log-uniform.
    scale: Tuple[pydantic.PositiveFloat, pydantic.PositiveFloat] = (0.5, 1.8)
    #: Where a whole picture is smaller than the crop, others of its set surround it, as in a view
    #: from higher up; without, it is mirrored at its edges.
    mosaic: bool = False
    aspect: float = pydantic.Field(1.3, ge=1)  # width : height changes by up to this factor
    tilt: float = pydantic.Field(10.0, ge=0, le=180)  # degrees, uniform both ways
    perspective: float = pydantic.Field(0.0, ge=0, le=0.4)  # corners move, in sides of the crop
    quarter_turns: bool = True  # nadir views have no "up"
    flip: bool = True          # mirror left-right in half of the crops
    #: Strength of the changes of brightness, contrast, gamma and channel gain.
    colour: float = pydantic.Field(0.35, ge=0, le=1)
    tint: float = pydantic.Field(0.0, ge=0, le=1)  # of each channel: soils and light of any colour
    #: Class name -> palette and chance that its pixels take a colour of that, their texture kept.
    #: ``unlabelled``: pixels of which is known only what they are not.
    recolour: Dict[str, Tuple[PaletteName, Chance]] = {}
    #: Probability that a crop is made softer, sharper, or takes over fine detail of another crop.
    sharpness: float = pydantic.Field(0.0, ge=0, le=1)
    degrade: float = pydantic.Field(0.2, ge=0, le=1)  # probability of each of blur, noise, grey
    weather: float = pydantic.Field(0.0, ge=0, le=1)  # of each of haze, motion blur, JPEG, shadow

    @pydantic.field_validator('scale')
    @classmethod
    def _ordered(cls, scale: Tuple[float, float]) -> Tuple[float, float]:
        if scale[0] > scale[1]:
            raise ValueError('give the smaller zoom first')
        return scale

    def zoom(self, rng: np.random.Generator) -> float:
        """Draw a zoom."""
        return float(np.exp(rng.uniform(*np.log(self.scale))))


class Crop(NamedTuple):
    """
    What is learnt from at once.

    ``image``: (S, S, 3) uint8 RGB. ``label``: (S, S) uint8. ``answer``: (S/4, S/4, classes)
    float32, the teachers' probabilities, or None.
    """

    image: np.ndarray
    label: np.ndarray
    answer: Optional[np.ndarray] = None


def random_crop(picture: Crop, size: int, stretch: int, settings: Augmentation,
                rng: np.random.Generator, focus: Optional[Tuple[float, float]] = None,
                zoom: Optional[float] = None) -> Crop:
    """
    Cut a random crop of size x size; its colours are those of the picture.

    :param picture: whole; its answer may have any size.
    :param stretch: side of the square input that deployment stretches pictures to.
    :param focus: (x, y) in source pixels that should be inside the crop.
    :param zoom: instead of a random one.
    """
    image, label, answer = picture
    matrix = crop_matrix(image.shape[:2], size, stretch, settings, rng, focus, zoom)
    return Crop(warped(image, matrix, size, cv2.INTER_LINEAR),
                warped(label, matrix, size, cv2.INTER_NEAREST),
                None if answer is None else warped(
                    answer, answer_matrix(matrix, image.shape, answer.shape), size // CELL,
                    cv2.INTER_LINEAR))


def warped(image: np.ndarray, matrix: np.ndarray, size: int, how: int) -> np.ndarray:
    """Return (size, size, ...) of an image; ``matrix`` (3, 3) maps crop pixels to its pixels."""
    if np.array_equal(matrix[2], (0, 0, 1)):
        return cv2.warpAffine(image, matrix[:2], (size, size), flags=how | cv2.WARP_INVERSE_MAP,
                              borderMode=cv2.BORDER_REFLECT_101)
    return cv2.warpPerspective(image, matrix, (size, size), flags=how | cv2.WARP_INVERSE_MAP,
                               borderMode=cv2.BORDER_REFLECT_101)


def crop_matrix(shape: Tuple[int, int], size: int, stretch: int, settings: Augmentation,
                rng: np.random.Generator, focus: Optional[Tuple[float, float]] = None,
                zoom: Optional[float] = None) -> np.ndarray:
    """Map from crop pixels to source pixels, (3, 3) float64."""
    height, width = shape
    to_stretch = np.array([stretch / width, stretch / height])
    scale = settings.zoom(rng) if zoom is None else zoom
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
    matrix = np.vstack([np.column_stack([linear, offset]), (0, 0, 1)])
    if settings.perspective:
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (size - 1.0)
        moved = corners + rng.uniform(-1, 1, (4, 2)) * settings.perspective * size / 2
        matrix = matrix @ cv2.getPerspectiveTransform(
            corners.astype(np.float32), moved.astype(np.float32))
        matrix /= matrix[2, 2]
    return matrix


def answer_matrix(matrix: np.ndarray, shape: Sequence[int], cells: Sequence[int]) -> np.ndarray:
    """
    Map from cells of a crop's answer to cells of the picture's, (3, 3) float64.

    :param shape: (H, W, ...) of the picture, ``cells`` of its answer.
    """
    height, width = shape[:2]
    to_pixels = np.array([[CELL, 0, (CELL - 1) / 2], [0, CELL, (CELL - 1) / 2], [0, 0, 1]])
    x, y = cells[1] / width, cells[0] / height
    to_cells = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])
    return to_cells @ matrix @ to_pixels


def change_colours(image: np.ndarray, settings: Augmentation,
                   rng: np.random.Generator) -> np.ndarray:
    """Brightness, contrast, gamma and channel gain by one table, then sometimes degradation."""
    s = settings.colour
    ramp = np.linspace(0, 1, 256)[:, None] ** np.exp(rng.uniform(-s, s))
    gain = np.exp(rng.uniform(-s, s) + rng.uniform(-s, s, 3) * 0.4)
    if settings.tint:
        gain *= np.exp(rng.uniform(-settings.tint, settings.tint, 3))
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
    return degraded(image, settings.weather, rng) if settings.weather else image
