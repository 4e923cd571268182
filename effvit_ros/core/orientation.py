"""
Pictures that a camera stored turned: what their EXIF says, and turning them upright.

The one policy for files, CompressedImage and masks: every file is taken as its own EXIF says,
as viewers show it. Whether a mask without EXIF was drawn on the turned or on the stored picture
nobody can tell where the size does not, so such a pair is refused.
"""
from __future__ import annotations

import struct
from typing import Sequence, Union

import numpy as np

#: EXIF's value for a picture that is stored as it is shown.
UPRIGHT = 1
_TAG = 0x0112
#: Bytes from the beginning in which EXIF is looked for.
HEAD = 1 << 18
#: First bytes of a WebP, which keeps EXIF at its end.
WEBP = b'RI'
#: What comes before EXIF's own header in JPEG, PNG and WebP: marker and bytes after it.
_MARKERS = {b'\xff\xd8': (b'Exif\0\0', 0), b'\x89P': (b'eXIf', 0), WEBP: (b'EXIF', 4)}


def orientation_of(content: Union[bytes, memoryview]) -> int:
    """Return EXIF's orientation, 1 to 8, in the bytes of a JPEG, PNG or WebP; 1 where none is."""
    head = bytes(memoryview(content)[:2])
    marker, skipped = _MARKERS.get(head, (None, 0))
    if marker is None:
        return UPRIGHT
    head = bytes(memoryview(content)[:HEAD])
    start = head.find(marker)
    if start < 0 and head[:2] == WEBP:
        head = bytes(memoryview(content)[-HEAD:])
        start = head.rfind(marker)
    return UPRIGHT if start < 0 else _first_directory(head[start + len(marker) + skipped:])


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return pixels (H, W[, channels]) turned as ``orientation`` says."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels if orientation == UPRIGHT else np.ascontiguousarray(pixels)


def leaves_masks_unclear(orientation: int, shape: Sequence[int]) -> bool:
    """
    Return whether a mask without EXIF fits both the stored and the upright picture.

    :param shape: (height, width) of the upright picture.
    """
    sides_swapped = orientation in (5, 6, 7, 8) and shape[0] != shape[1]
    return orientation != UPRIGHT and not sides_swapped


def _first_directory(exif: bytes) -> int:
    """Return the orientation in EXIF's first directory, UPRIGHT where there is none."""
    order = {b'II': '<', b'MM': '>'}.get(exif[:2])
    if order is None:
        return UPRIGHT
    try:
        place, = struct.unpack_from(order + 'I', exif, 4)
        count, = struct.unpack_from(order + 'H', exif, place)
        for number in range(count):
            tag, _, _, value = struct.unpack_from(order + 'HHIH', exif, place + 2 + 12 * number)
            if tag == _TAG:
                return value if 1 <= value <= 8 else UPRIGHT
    except struct.error:  # cut off or foreign: as if it were not there
        pass
    return UPRIGHT
