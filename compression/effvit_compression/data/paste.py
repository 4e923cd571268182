"""Rare things of one crop on the ground of another, after ClassMix (arXiv 2007.07936)."""
from __future__ import annotations

from typing import List, Sequence

import cv2
import numpy as np

from effvit_compression.data.augment import CELL, Crop

#: Pixels below which a thing is not worth the pasting.
FEW = 20
#: Of the blur, in pixels, that hides the seam.
SEAM = 0.8


def paste(crops: Sequence[Crop], classes: Sequence[int], chance: float,
          rng: np.random.Generator) -> List[Crop]:
    """Return the crops, some with all pixels of one of the classes of another crop on them."""
    return [pasted(crop, other, classes, rng) if rng.random() < chance else crop
            for crop, other in zip(crops, [crops[-1], *crops[:-1]])]


def pasted(crop: Crop, other: Crop, classes: Sequence[int], rng: np.random.Generator) -> Crop:
    """Put one class of ``other`` onto a crop; the crop itself where there is none."""
    held = np.bincount(other.label.ravel(), minlength=256)
    there = [index for index in classes if held[index] >= FEW]
    if not there:
        return crop
    thing = int(rng.choice(there))
    mask = (other.label == thing).astype(np.float32)
    alpha = cv2.GaussianBlur(mask, (0, 0), SEAM)[..., None]
    image = (other.image * alpha + crop.image * (1 - alpha)).astype(np.uint8)
    label = np.where(mask > 0, np.uint8(thing), crop.label)
    answer = crop.answer
    if answer is not None:
        side = mask.shape[0] // CELL
        share = cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA)[..., None]
        told = np.zeros(answer.shape[-1], np.float32)
        told[thing] = 1
        answer = answer * (1 - share) + told * share
    return Crop(image, label, answer)
