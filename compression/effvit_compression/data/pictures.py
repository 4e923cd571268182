"""The pictures of one split, decoded once and kept in memory, labels in the class set's ids."""
from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from effvit_compression.data.description import DatasetDescription, Pair
from effvit_ros.core.classes import IGNORE
from effvit_ros.core.errors import UserError
from effvit_ros.core.label_files import (
    colours_from_bytes,
    HIDES_A_CLASS,
    hides_a_class,
    labels_from_file,
)
from effvit_ros.core.labelled_pictures import check_pair, read_picture
from effvit_ros.core.picture_size import pillow

#: What Pillow raises for a file that it can't decode.
BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
#: Unknown ids that a message names.
NAMED = 8


def read_image(path: Path) -> np.ndarray:
    """Picture as (H, W, 3) uint8 RGB; :raises UserError: it can't be decoded."""
    return cv2.cvtColor(read_picture(path).bgr(), cv2.COLOR_BGR2RGB)


def stretched(image: np.ndarray, width: int, height: Optional[int] = None) -> np.ndarray:
    """Resize to width x height (default: a square) whatever the shape, as deployment does."""
    return cv2.resize(image, (width, height or width), interpolation=cv2.INTER_LINEAR)


def read_label(path: Path, description: DatasetDescription) -> np.ndarray:
    """
    Label map as (H, W) uint8 ids of the description's ``target``.

    :raises UserError: not decodable, not in the described encoding, or with an unknown id.
    """
    return translated(*read_stored(path, description), path, description)


def read_stored(path: Path, description: DatasetDescription,
                ) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """
    Ids (H, W) uint8 as the description numbers them, and the colours that they are stored as.

    :raises UserError: not decodable, or not in the described encoding.
    """
    if description.encoding != 'palette':
        return labels_from_file(path), None
    try:
        colours = colours_from_bytes(path.read_bytes(), str(path))
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None
    return palette_to_index(colours, description), colours


def translated(ids: np.ndarray, colours: Optional[np.ndarray], path: Path,
               description: DatasetDescription) -> np.ndarray:
    """LPCV-14 ids of stored ones, (H, W) uint8; :raises UserError: one is unknown."""
    labels = description.lookup()[ids]
    unknown = labels < 0
    if unknown.any():
        what = [str(value) for value in np.unique(ids[unknown])] if colours is None else [
            f'({r}, {g}, {b})' for b, g, r in np.unique(colours[unknown], axis=0)]
        more = f' and {len(what) - NAMED} more' if len(what) > NAMED else ''
        raise UserError(f'{path}: unknown {"id" if colours is None else "colour"} '
                        f'{", ".join(what[:NAMED])}{more} (dataset {description.name})')
    return labels.astype(np.uint8)


def check_whole(path: Path) -> None:
    """
    Look for the end of a picture; Pillow says what is wrong with it.

    :raises UserError: it is not all there.
    """
    try:
        with pillow().open(path) as picture:
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
    for position, colour in enumerate(description.palette):
        index[code == np.array(colour.rgb[::-1], np.int64) @ weights] = position
    return index


def hides_class_of(description: DatasetDescription, stored: np.ndarray) -> bool:
    """Whether one of several classes is stored as 255, which is ignored; ``stored``: (256,)."""
    return (hides_a_class(stored) and IGNORE not in description.class_ids
            and len(description.class_ids) > 1)


#: What one split may keep in memory; pictures beyond it are decoded whenever they are wanted.
KEPT_BYTES = 4 << 30


class Pictures:
    """Pictures and labels of one split, decoded on first use."""

    def __init__(self, description: DatasetDescription, split: str):
        self.description = description
        self.split = split
        self.pairs: List[Pair] = description.pairs(split)
        self._decoded: Dict[int, Tuple[np.ndarray, np.ndarray]] = {}
        self._stored = np.zeros(256, np.int64)
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
        return (self[index] for index in range(len(self)))

    @property
    def trusted(self) -> List[str]:
        """Return the classes that alone were labelled by hand; none where all were."""
        return self.description.trusted

    def __getitem__(self, index: int) -> Tuple[np.ndarray, np.ndarray]:
        """Picture (H, W, 3) uint8 RGB and labels (H, W) uint8."""
        if index in self._decoded:
            return self._decoded[index]
        pair = self.pairs[index]
        image = read_image(pair.image)
        stored, colours = read_stored(pair.label, self.description)
        label = translated(stored, colours, pair.label, self.description)
        self._stored += np.bincount(stored.ravel(), minlength=256)
        check_pair(pair.label, label.shape, pair.image, image.shape)
        if self._bytes < KEPT_BYTES:
            self._bytes += image.nbytes + label.nbytes
            self._decoded[index] = image, label
        return image, label

    def refuse_hidden_class(self) -> None:
        """After all was read: :raises UserError: the labels are 0 and the ignored 255 alone."""
        if hides_class_of(self.description, self._stored):
            raise UserError(f'dataset {self.description.name}, {self.split}: {HIDES_A_CLASS}')

    @cached_property
    def pixels(self) -> np.ndarray:
        """Pixel counts (pictures, classes) int64, ignored pixels left out."""
        return np.stack([
            np.bincount(self[i][1].ravel(), minlength=IGNORE + 1)[:len(self.description.target)]
            for i in range(len(self))])
