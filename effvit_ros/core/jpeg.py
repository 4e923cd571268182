"""JPEGs: how strongly they are compressed by default, and whether one is whole."""
from __future__ import annotations

from typing import Iterator, Optional, Tuple, Union

#: Of overlays, which go over a radio link.
LINK_QUALITY = 80
#: Of a camera's pictures, which are segmented afterwards.
PICTURE_QUALITY = 90
#: First bytes of a JPEG.
JPEG = b'\xff\xd8'
_END, _SCAN = b'\xff\xd9', 0xda
#: Markers among those of frames (0xc0 to 0xcf) that are none: Huffman, extension, arithmetic.
_NO_FRAMES = (0xc4, 0xc8, 0xcc)
#: No JPEG codes more: twice what the smallest code can.
_PIXELS_A_BYTE = 1024
#: Bytes in which the end is looked for first.
_TAIL = 64


def is_cut_off(content: Union[bytes, memoryview]) -> bool:
    """
    Return whether a JPEG's bytes end before its picture does.

    OpenCV before 5 gives the rows that are there, and whatever lay in memory below them. Bytes
    behind the end, with which some cameras pad, are none of the picture.
    """
    view = memoryview(content)
    place = _first_scan(view)
    if place is None:
        return True
    return bytes(view[max(place, len(view) - _TAIL):]).find(_END) < 0 \
        and bytes(view[place:]).find(_END) < 0


def claims_too_much(content: Union[bytes, memoryview]) -> bool:
    """
    Return whether a JPEG's header tells of more pixels than its bytes can hold.

    OpenCV takes seconds and gigabytes for what some hundred bytes ask of it, so long that the
    node's watchdog takes it for stuck. The smallest code of 8x8 pixels has one bit, so that a
    whole picture has at least a byte for 512 pixels. What is no JPEG claims nothing here.
    """
    if bytes(memoryview(content)[:2]) != JPEG:
        return False
    width, height = size_of_jpeg(content) or (0, 0)
    return height * width > _PIXELS_A_BYTE * len(memoryview(content))


def size_of_jpeg(content: Union[bytes, memoryview]) -> Optional[Tuple[int, int]]:
    """Return (width, height) by a JPEG's header; None where it does not tell."""
    view = memoryview(content)
    for kind, place, _ in _segments(view):
        if 0xc0 <= kind <= 0xcf and kind not in _NO_FRAMES and place + 9 <= len(view):
            height = int.from_bytes(view[place + 5:place + 7], 'big')
            return int.from_bytes(view[place + 7:place + 9], 'big'), height
    return None


def _first_scan(view: memoryview) -> Optional[int]:
    """Return where the coded pixels begin, behind thumbnails that have an end of their own."""
    for kind, _, end in _segments(view):
        if kind == _SCAN:
            return end if end <= len(view) else None
    return None


def _segments(view: memoryview) -> Iterator[Tuple[int, int, int]]:
    """Yield (marker, where it begins, where its segment ends) up to the first scan's header."""
    place = len(JPEG)
    while place + 4 <= len(view) and view[place] == 0xff:
        kind = view[place + 1]
        if kind == 0xff:  # padding before a marker
            place += 1
            continue
        end = place + 2 + int.from_bytes(view[place + 2:place + 4], 'big')
        yield kind, place, end
        if kind == _SCAN:
            return
        place = end
