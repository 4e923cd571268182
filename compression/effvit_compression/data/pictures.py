"""The pictures of one split, decoded once and kept in memory with LPCV-14 labels."""
from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from effvit_compression.data.description import DatasetDescription, Pair
from effvit_ros.core.classes import IGNORE, NAMES
from effvit_ros.core.errors import UserError

#: What Pillow raises for a file that it can't decode.
BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
#: Unknown ids that a message names.
NAMED = 8


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
    colours = description.encoding == 'palette'
    raw = read_colours(path) if colours else read_ids(path)
    ids = palette_to_index(raw, description) if colours else raw
    labels = description.lookup()[ids]
    unknown = labels < 0
    if unknown.any():
        what = [f'({r}, {g}, {b})' for b, g, r in np.unique(raw[unknown], axis=0)] if colours \
            else [str(value) for value in np.unique(raw[unknown])]
        more = f' and {len(what) - NAMED} more' if len(what) > NAMED else ''
        raise UserError(f'{path}: unknown {"colour" if colours else "id"} '
                        f'{", ".join(what[:NAMED])}{more} (dataset {description.name})')
    return labels.astype(np.uint8)


def read_ids(path: Path) -> np.ndarray:
    """
    Ids (H, W) uint8 of an 8-bit index picture, which may have a palette for the eye.

    :raises UserError: not decodable, or something else.
    """
    ids = palette_indices(path)
    if ids is None:
        ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if ids is None:
        raise UserError(f'{path}: not a readable label picture')
    if ids.ndim != 2 or ids.dtype != np.uint8:
        raise UserError(f'{path}: labels must be an 8-bit single-channel index picture, '
                        f'not {ids.dtype} of shape {ids.shape}')
    return ids


def palette_indices(path: Path) -> Optional[np.ndarray]:
    """Return what a picture with a palette stores (OpenCV gives its colours), else None."""
    try:
        with Image.open(path) as picture:
            return np.array(picture) if picture.mode == 'P' else None
    except BROKEN:
        return None


def read_colours(path: Path) -> np.ndarray:
    """Colours (H, W, 3) uint8 BGR of a label picture; :raises UserError: not decodable."""
    colours = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if colours is None:
        raise UserError(f'{path}: not a readable label picture')
    return colours


def check_whole(path: Path) -> None:
    """
    Look for the end of a picture: OpenCV makes a truncated JPEG grey where it ends.

    :raises UserError: it is not all there.
    """
    try:
        with Image.open(path) as picture:
            picture.load()
    except UnidentifiedImageError:
        return  # a format that OpenCV alone knows
    except BROKEN as error:
        raise UserError(f'{path}: damaged: {" ".join(str(error).split())}') from error


def palette_to_index(bgr: np.ndarray, description: DatasetDescription) -> np.ndarray:
    """(H, W, 3) uint8 BGR to (H, W) uint8 positions in the palette; 254 where no colour fits."""
    weights = np.array([1, 256, 65536], np.int64)
    code = bgr.astype(np.int64) @ weights  # B + 256 G + 65536 R
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
