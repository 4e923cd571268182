"""The pictures of one split, decoded once and kept in memory with LPCV-14 labels."""
from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import cv2
import numpy as np

from effvit_compression.data.description import DatasetDescription, Pair
from effvit_ros.core.errors import UserError
from effvit_ros.core.lpcv import IGNORE, NAMES


def read_image(path: Path) -> np.ndarray:
    """Picture as (H, W, 3) uint8 RGB; :raises UserError: it can't be decoded."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise UserError(f'{path}: not a readable picture')
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def stretched(image: np.ndarray, width: int, height: Optional[int] = None) -> np.ndarray:
    """Resize to width x height (default: a square) whatever the shape, as deployment does."""
    return cv2.resize(image, (width, height or width), interpolation=cv2.INTER_LINEAR)


def read_label(path: Path, description: DatasetDescription) -> np.ndarray:
    """
    Label map as (H, W) uint8 LPCV-14 ids.

    :raises UserError: not decodable, not in the described encoding, or with an unknown id.
    """
    raw = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if raw is None:
        raise UserError(f'{path}: not a readable label picture')
    if description.encoding == 'palette':
        ids, known = palette_to_index(raw, description), True
    elif raw.ndim != 2 or raw.dtype != np.uint8:
        raise UserError(f'{path}: an 8-bit single-channel index picture is needed, '
                        f'this is {raw.dtype} of shape {raw.shape}')
    else:
        ids, known = raw, False
    labels = description.lookup()[ids]
    if not known or (labels < 0).any():
        unknown = np.unique(ids[labels < 0])
        if unknown.size:
            raise UserError(f'{path}: unknown id {", ".join(map(str, unknown))} '
                            f'(dataset {description.name})')
    return labels.astype(np.uint8)


def palette_to_index(bgr: np.ndarray, description: DatasetDescription) -> np.ndarray:
    """(H, W, 3) uint8 BGR to (H, W) uint8 positions in the palette; 254 where no colour fits."""
    weights = np.array([1, 256, 65536], np.int64)
    code = bgr[..., :3].astype(np.int64) @ weights  # B + 256 G + 65536 R
    index = np.full(code.shape, 254, np.uint8)
    for position, colour in enumerate(description.classes):
        index[code == np.array(colour.rgb[::-1], np.int64) @ weights] = position
    return index


#: What one split may keep in memory; pictures beyond it are decoded whenever they are wanted.
KEPT_BYTES = 4 << 30


class Pictures:
    """Pictures and labels of one split, decoded on first use."""

    def __init__(self, description: DatasetDescription, split: str):
        self.description = description
        self.split = split
        self.pairs: List[Pair] = description.pairs(split)
        self._decoded: Dict[int, Tuple[np.ndarray, np.ndarray]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Tuple[np.ndarray, np.ndarray]:
        """Picture (H, W, 3) uint8 RGB and labels (H, W) uint8."""
        if index in self._decoded:
            return self._decoded[index]
        pair = self.pairs[index]
        image = read_image(pair.image)
        label = read_label(pair.label, self.description)
        if image.shape[:2] != label.shape:
            raise UserError(f'{pair.label}: {label.shape[1]}x{label.shape[0]} pixels, its '
                            f'picture has {image.shape[1]}x{image.shape[0]}')
        if self._bytes < KEPT_BYTES:
            self._bytes += image.nbytes + label.nbytes
            self._decoded[index] = image, label
        return image, label

    @cached_property
    def pixels(self) -> np.ndarray:
        """Pixel counts (pictures, 14) int64, ignored pixels left out."""
        return np.stack([
            np.bincount(self[i][1].ravel(), minlength=IGNORE + 1)[:len(NAMES)]
            for i in range(len(self))])
