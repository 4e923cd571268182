"""Seeded fuzz: frames that are broken in every way that the format allows."""
from __future__ import annotations

import cv2
import numpy as np
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage
from watched_node import noise, picture

from effvit_ros.core.pixels import ENCODINGS

_HUGE = 2**32 - 1
_ODD_FORBIDDEN = [e for e in ENCODINGS if e.startswith(('bayer', 'nv', 'yuv'))]


def unknown_encoding(rng):
    """Return a frame of an encoding that does not exist: empty, long, blanks, other scripts."""
    names = ['', 'rgb', 'RGB8', 'yuv999', 'x' * 100_000, 'rgb8\n[FATAL] all is lost',
             '\u20ac\u4e2d', '%s%n{}', ''.join(map(chr, rng.integers(33, 127, 12)))]
    return _changed(encoding=names[rng.integers(len(names))])


def no_pixels(rng):
    """Return a frame without rows or without columns."""
    return _changed(**{('height', 'width')[rng.integers(2)]: 0})


def larger_than_its_data(rng):
    """Return a frame whose header tells of more pixels than there are, up to 2^32 - 1."""
    side = int(rng.choice([65, 100, 10_000, 2**16, 2**31, _HUGE]))
    return _changed(**{('height', 'width')[rng.integers(2)]: side})


def huge_both_ways(rng):
    """Return a frame whose sides multiply to more than 64 bits hold."""
    return _changed(height=_HUGE, width=_HUGE, step=_HUGE)


def wrong_step(rng):
    """Return a frame whose rows would overlap, or end far behind its data."""
    return _changed(step=int(rng.choice([1, 2, 64, 191, 193, 4096, 2**31, _HUGE])))


def cut_data(rng):
    """Return a frame that lost its end, or all."""
    message = picture(noise())
    message.data = message.data[:int(rng.integers(0, len(message.data)))]
    return message


def other_encoding_than_its_data(rng):
    """Return a frame of three bytes a pixel that tells of four or more."""
    return _changed(encoding=str(rng.choice(['rgba8', 'bgra8', 'rgb16', 'bgra16', '8UC4'])))


def odd_sides(rng):
    """Return a frame with odd sides of an encoding that has none."""
    return _changed(encoding=str(rng.choice(_ODD_FORBIDDEN)), height=31, width=31, step=0)


def random_bytes(rng):
    """Return a compressed picture that is noise."""
    return _compressed(rng.bytes(int(rng.integers(0, 5000))))


def cut_head(rng):
    """Return a JPEG or PNG without its beginning, or with hardly more than that."""
    whole = _file(rng)
    return _compressed(whole[int(rng.integers(2, 40)):] if rng.integers(2)
                       else whole[:int(rng.integers(0, 60))])


def bomb(rng):
    """Return a JPEG of some hundred bytes that tells of 400 million pixels and more."""
    whole = bytearray(_encoded('.jpg'))
    start = whole.index(b'\xff\xc0') + 5
    whole[start:start + 4] = int(rng.integers(20_000, 65_000)).to_bytes(2, 'big') * 2
    return _compressed(bytes(whole))


def not_a_picture(rng):
    """Return a file of another kind."""
    return _compressed((b'%PDF-1.7\n', b'GIF89a', b'{"a": 1}', b'\0' * 100)[rng.integers(4)])


RAW = (unknown_encoding, no_pixels, larger_than_its_data, huge_both_ways, wrong_step, cut_data,
       other_encoding_than_its_data, odd_sides)
COMPRESSED = (random_bytes, cut_head, bomb, not_a_picture)


def damaged_message(rng):
    """
    Return a serialized Image with bytes cut off or overwritten, as bytes.

    It may be unreadable as a message, readable and broken, or readable and good.
    """
    whole = bytearray(serialize_message(picture(noise())))
    if rng.integers(2):
        return bytes(whole[:int(rng.integers(4, len(whole)))])
    for place in rng.integers(4, 80, int(rng.integers(1, 8))):  # the header and all lengths
        whole[place] = int(rng.integers(256))
    return bytes(whole)


def damaged_jpeg(rng):
    """Return a JPEG with bytes overwritten: decoders answer anything from noise to a refusal."""
    whole = bytearray(_encoded('.jpg'))
    for place in rng.integers(2, len(whole), int(rng.integers(1, 20))):
        whole[place] = int(rng.integers(256))
    return _compressed(bytes(whole))


def _changed(**fields):
    message = picture(noise())
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def _compressed(data):
    message = CompressedImage(format='jpeg')
    message.data.frombytes(data)
    return message


def _file(rng):
    return _encoded(('.jpg', '.png')[rng.integers(2)])


def _encoded(suffix):
    return cv2.imencode(suffix, noise(32, 32))[1].tobytes()


def frames(makers, count, seed):
    """Yield ``count`` frames of all ``makers`` in a random order."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield makers[rng.integers(len(makers))](rng)
