"""Time stamps in serialized messages: read and shifted without deserializing them."""
from __future__ import annotations

import struct

#: Bytes before the first field of a CDR message; the second tells the byte order.
_ENCAPSULATION = 4


def stamp_ns(data: bytes) -> int:
    """Return the stamp of a CDR message that begins with a Header, in nanoseconds."""
    sec, nanosec = struct.unpack_from(_format(data), data, _ENCAPSULATION)
    return sec * 10**9 + nanosec


def shifted(data: bytes, offset_ns: int) -> bytes:
    """Return a CDR message that begins with a Header with its stamp moved by ``offset_ns``."""
    moved = bytearray(data)
    stamp = stamp_ns(data) + offset_ns
    struct.pack_into(_format(data), moved, _ENCAPSULATION, stamp // 10**9, stamp % 10**9)
    return bytes(moved)


def _format(data: bytes) -> str:
    return '<iI' if data[1] & 1 else '>iI'
