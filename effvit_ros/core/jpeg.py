"""JPEGs: how strongly they are compressed by default, and whether one is whole."""
from __future__ import annotations

#: Of overlays, which go over a radio link.
LINK_QUALITY = 80
#: Of a camera's pictures, which are segmented afterwards.
PICTURE_QUALITY = 90
#: First bytes of a JPEG.
JPEG = b'\xff\xd8'
_END, _SCAN = b'\xff\xd9', 0xda
#: Bytes in which the end is looked for first.
_TAIL = 64


def is_cut_off(content: bytes) -> bool:
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


def _first_scan(view):
    """Return where the coded pixels begin, behind thumbnails that have an end of their own."""
    place = len(JPEG)
    while place + 4 <= len(view) and view[place] == 0xff:
        kind = view[place + 1]
        if kind == 0xff:  # padding before a marker
            place += 1
            continue
        place += 2 + int.from_bytes(view[place + 2:place + 4], 'big')
        if kind == _SCAN:
            return place if place <= len(view) else None
    return None
