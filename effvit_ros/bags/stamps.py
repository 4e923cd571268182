"""Time stamps inside serialized messages: read and shifted without deserializing them."""
from __future__ import annotations

import struct
from functools import lru_cache

from rosbags.typesys import get_typestore, Stores

_HEADER = 'std_msgs/msg/Header'
#: Bytes before the first field of a CDR message; the second tells the byte order.
_ENCAPSULATION = 4


@lru_cache(maxsize=None)
def begins_with_header(message_type):
    """Return whether messages of this standard type begin with a std_msgs Header."""
    definition = get_typestore(Stores.ROS2_HUMBLE).fielddefs.get(message_type)
    if definition is None or not definition[1]:
        return False
    _, (_, field_type) = definition[1][0]
    return field_type == _HEADER


def stamp_ns(data):
    """Return the stamp of a CDR message that begins with a Header, in nanoseconds."""
    sec, nanosec = struct.unpack_from(_format(data), data, _ENCAPSULATION)
    return sec * 10**9 + nanosec


def shifted(data, offset_ns):
    """Return a CDR message that begins with a Header with its stamp moved by ``offset_ns``."""
    moved = bytearray(data)
    stamp = stamp_ns(data) + offset_ns
    struct.pack_into(_format(data), moved, _ENCAPSULATION, stamp // 10**9, stamp % 10**9)
    return bytes(moved)


def _format(data):
    return '<iI' if data[1] & 1 else '>iI'
