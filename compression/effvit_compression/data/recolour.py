"""
Earth, water and roofs in colours that no picture here shows.

Few pictures teach a colour for a thing: all landslides of a set are grey. Regions of a class get
another mean colour, drawn in CIE Lab from what such things have in nature, and keep their
texture, so that form and texture have to be learnt instead.
"""
from __future__ import annotations

from typing import Mapping, NamedTuple, Sequence, Tuple

import cv2
import numpy as np

from effvit_compression.data.augment import Crop, PaletteName
from effvit_compression.data.paste import FEW, SEAM
from effvit_compression.data.weather import clouds


class Palette(NamedTuple):
    """Ranges of CIE Lab's lightness (0 to 100), chroma, and hue in degrees (40 red, 90 yellow)."""

    lightness: Tuple[float, float]
    chroma: Tuple[float, float]
    hue: Tuple[float, float]


PALETTES: Mapping[PaletteName, Palette] = {
    'soil': Palette((25, 85), (0, 45), (30, 95)),     # grey, laterite, ochre, black earth
    'ground': Palette((25, 85), (0, 30), (75, 260)),  # dry grass, scree, green, grey-blue; no red
    'water': Palette((20, 80), (0, 28), (60, 260)),   # muddy to blue
    'roof': Palette((25, 95), (0, 45), (20, 110)),    # tiles, sheet metal, concrete
    'asphalt': Palette((25, 80), (0, 10), (40, 260)),
}
#: Chance that only a part of the pixels changes: then a border of colours is no border of things.
PARTLY = 0.5


class Change(NamedTuple):
    """Pixels with a label get a colour of a palette, with a chance."""

    label: int
    palette: Palette
    chance: float


def recoloured(crop: Crop, changes: Sequence[Change], rng: np.random.Generator) -> Crop:
    """Return the crop with some classes in another colour; labels and answers stay."""
    lab = None
    for label, palette, chance in changes:
        if rng.random() >= chance:
            continue
        mask = crop.label == label
        if rng.random() < PARTLY:
            mask &= clouds(mask.shape, rng)[..., 0] > 0.5
        if np.count_nonzero(mask) < FEW:
            continue
        if lab is None:
            lab = cv2.cvtColor(crop.image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        lab = shifted(lab, mask, colour(palette, rng), rng.uniform(0.7, 1.2), rng.uniform(0.3, 1))
    if lab is None:
        return crop
    image = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    return crop._replace(image=(image * 255 + 0.5).clip(0, 255).astype(np.uint8))


def colour(palette: Palette, rng: np.random.Generator) -> np.ndarray:
    """Draw a colour in CIE Lab, (3,) float32."""
    lightness, chroma = rng.uniform(*palette.lightness), rng.uniform(*palette.chroma)
    hue = np.deg2rad(rng.uniform(*palette.hue))
    return np.array([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], np.float32)


def shifted(lab: np.ndarray, mask: np.ndarray, mean: np.ndarray, contrast: float, variety: float,
          ) -> np.ndarray:
    """
    Give the pixels of a mask another mean colour, with a soft edge.

    :param lab: (H, W, 3) float32.
    :param contrast: factor of what differs from the mean in lightness, ``variety``: in a and b.
    """
    keep = np.array([contrast, variety, variety], np.float32)
    changed = (lab - lab[mask].mean(axis=0)) * keep + mean
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), SEAM)[..., None]
    return changed * alpha + lab * (1 - alpha)
