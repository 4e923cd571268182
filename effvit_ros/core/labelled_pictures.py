"""Pictures and their label maps as files: read, and refused where they do not belong together."""
from __future__ import annotations

from pathlib import Path
from typing import Sequence

import numpy as np

from effvit_ros.core.bit_depth import BitDepth
from effvit_ros.core.errors import UserError
from effvit_ros.core.label_files import LabelError, labels_from_file
from effvit_ros.core.orientation import (
    HEAD,
    leaves_masks_unclear,
    orientation_of,
    UPRIGHT,
    WEBP,
)
from effvit_ros.core.pixels import decode_compressed, Picture, PictureError


def read_picture(path: Path) -> Picture:
    """
    Return the :class:`~effvit_ros.core.pixels.Picture` in a file, upright, as BGR.

    :raises UserError: it can't be read, or has 16 bits a channel of which it fills fewer.
    """
    depth = BitDepth()
    try:
        picture = decode_compressed(Path(path).read_bytes(), depth=depth)
    except OSError as error:
        raise UserError(f'{path}: not a readable picture: {error.strerror}') from None
    except PictureError as error:
        raise UserError(f'{path}: not a readable picture: {error}') from None
    if depth.guess:
        raise UserError(f'{path}: 16 bits a channel of which {depth.guess} are used, near-black '
                        'as it is: convert it to 8 bits')
    return picture


def read_labels(path: Path, picture: Picture, picture_path: Path) -> np.ndarray:
    """
    Return the label map of a picture, (H, W) uint8.

    :raises LabelError: it can't be read, or does not belong to the picture: see
        :func:`check_pair`.
    """
    labels = labels_from_file(Path(path))
    check_pair(path, labels.shape, picture_path, picture.pixels.shape)
    return labels


def check_pair(path: Path, shape: Sequence[int], picture_path: Path,
               picture_shape: Sequence[int]) -> None:
    """
    Refuse a label map that does not lie on its picture, pixel on pixel.

    :param shape: of the label map as it was read; ``picture_shape`` likewise.
    :raises LabelError: the sizes differ, or the picture is stored turned and nobody can tell
        whether its mask is.
    """
    if shape[:2] != picture_shape[:2]:
        raise LabelError(f'{path}: {shape[1]}x{shape[0]} pixels, its picture has '
                         f'{picture_shape[1]}x{picture_shape[0]}')
    orientation = orientation_of(_head(picture_path))
    if leaves_masks_unclear(orientation, shape) and orientation_of(_head(path)) == UPRIGHT:
        raise LabelError(unclear_orientation(picture_path, orientation))


def unclear_orientation(picture: object, orientation: int) -> str:
    """Return the complaint about a mask of a picture that is stored turned."""
    return (f'{picture}: stored turned (EXIF orientation {orientation}), its mask does not tell '
            'whether it is turned, too: store both upright (mogrify -auto-orient turns pictures)')


def _head(path: Path) -> bytes:
    """Return the bytes of a file in which EXIF lies; WebP has it at the end."""
    with open(path, 'rb') as file:
        head = file.read(HEAD)
        return head if head[:2] != WEBP else head + file.read()
