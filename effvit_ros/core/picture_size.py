"""
How large a compressed picture may be, told by its header before any memory is taken for it.

Some hundred bytes can tell of a gigapixel. The largest aerial cameras have some 280 megapixels.
"""
from __future__ import annotations

import os
import struct
from typing import Any, Optional, Tuple, Union

from effvit_ros.core.jpeg import claims_too_much, JPEG, size_of_jpeg

#: Pixels of a picture file that is read; :data:`VARIABLE` sets another limit.
MAX_PIXELS = 300_000_000
#: OpenCV's own, so that both follow it.
VARIABLE = 'OPENCV_IO_MAX_IMAGE_PIXELS'
_WIDTH, _HEIGHT = 256, 257
_PNG = b'\x89PNG'
#: Channels of PNG's kinds of pixels.
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
#: Bytes that deflate can make of one.
_DEFLATED = 1032
#: Of TIFF's types the integers, as struct calls them.
_INTEGERS = {3: 'H', 4: 'I'}


def max_pixels() -> int:
    """Return the pixels that a picture file may have."""
    value = os.environ.get(VARIABLE, '')
    return int(value) if value.isdigit() else MAX_PIXELS


def too_large(content: Union[bytes, memoryview]) -> str:
    """
    Return what is wrong with a picture whose header tells of too many pixels, '' where it is not.

    Too many are those above the limit, and those that its bytes cannot hold.
    """
    if claims_too_much(content) or _claims_too_much_for_png(content):
        return 'it tells of more pixels than they can hold'
    size = size_in_header(content)
    if size is None or size[0] * size[1] <= max_pixels():
        return ''
    return (f'{size[0]}x{size[1]} pixels are more than the {max_pixels() // 10**6} million that '
            f'are read (the environment variable {VARIABLE} sets another limit)')


def pillow() -> Any:
    """
    Return PIL.Image with the limit that holds here; its own refuses from 179 million pixels on.

    :raises ImportError: Pillow is not installed.
    """
    from PIL import Image
    Image.MAX_IMAGE_PIXELS = max_pixels()
    return Image


def size_in_header(content: Union[bytes, memoryview]) -> Optional[Tuple[int, int]]:
    """
    Return (width, height) of a JPEG, PNG, BMP or TIFF; None where the header does not tell.

    WebP can have no more than 16,383x16,383 pixels, and what is not compressed holds its pixels.
    """
    view = memoryview(content)
    head = bytes(view[:32])
    try:
        if head[:2] == JPEG:
            return size_of_jpeg(content)
        if head[:4] == _PNG:
            width, height = struct.unpack_from('>II', head, 16)
            return width, height
        if head[:2] == b'BM':
            old = head[14:18] == b'\x0c\0\0\0'  # OS/2's header has sides of 16 bits
            width, height = struct.unpack_from('<HH' if old else '<ii', head, 18)
            return abs(width), abs(height)  # a negative height begins at the top
        if head[:4] in (b'II*\0', b'MM\0*'):
            return _size_of_tiff(view, '<' if head[:2] == b'II' else '>')
    except struct.error:  # cut off: for its decoder to say
        pass
    return None


def _claims_too_much_for_png(content: Union[bytes, memoryview]) -> bool:
    head = bytes(memoryview(content)[:26])
    if head[:4] != _PNG or len(head) < 26:
        return False
    width, height, bits, kind = struct.unpack_from('>IIBB', head, 16)
    row = 1 + (width * bits * _CHANNELS.get(kind, 1) + 7) // 8
    return height * row > _DEFLATED * len(memoryview(content))


def _size_of_tiff(view: memoryview, order: str) -> Optional[Tuple[int, int]]:
    place, = struct.unpack_from(order + 'I', view, 4)
    count, = struct.unpack_from(order + 'H', view, place)
    found = {}
    for entry in range(place + 2, place + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + 'HH', view, entry)
        if tag in (_WIDTH, _HEIGHT) and kind in _INTEGERS:
            found[tag], = struct.unpack_from(order + _INTEGERS[kind], view, entry + 8)
    return (found[_WIDTH], found[_HEIGHT]) if len(found) == 2 else None
