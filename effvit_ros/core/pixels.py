"""
Raw pixel buffers, as cameras and bags hold them, to pictures that the segmenter takes.

The encodings are those of ``sensor_msgs/image_encodings.hpp``; nothing here needs ROS.
"""
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from effvit_ros.core.errors import UserError


class PictureError(UserError):
    """
    A frame that can't be read: the message names the field and its value.

    ``kind`` is what is wrong in one word, for counting: ``size``, ``encoding`` or ``data``.
    """

    def __init__(self, kind, message):
        """Keep the kind beside the message."""
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Picture:
    """
    A readable picture: ``pixels`` uint8 (H, W, 3 or 4) or (H, W), ``order`` as in the segmenter.

    ``pixels`` may be a view of the buffer that was handed in.
    """

    pixels: np.ndarray
    order: str

    def bgr(self):
        """Return the picture as (H, W, 3) uint8 BGR; a view where it is that already."""
        if self.order == 'bgr':
            return self.pixels
        source = 'GRAY' if self.order == 'mono' else self.order.upper()
        return cv2.cvtColor(self.pixels, getattr(cv2, f'COLOR_{source}2BGR'))


# Encoding -> (channels, order): the buffer is the picture.
_PLAIN = {
    'bgr8': (3, 'bgr'), 'rgb8': (3, 'rgb'), 'bgra8': (4, 'bgra'), 'rgba8': (4, 'rgba'),
    'mono8': (1, 'mono'), '8UC1': (1, 'mono'), '8UC3': (3, 'bgr'), '8UC4': (4, 'bgra'),
}
# Sixteen bits a channel: the high byte is kept.
_SIXTEEN = {
    'mono16': (1, 'mono'), '16UC1': (1, 'mono'), 'bgr16': (3, 'bgr'), 'rgb16': (3, 'rgb'),
    'bgra16': (4, 'bgra'), 'rgba16': (4, 'rgba'), '16UC3': (3, 'bgr'), '16UC4': (4, 'bgra'),
}
# ROS names a Bayer pattern by its first row's first two pixels and the next row's first two,
# OpenCV by the second row's second and third pixel.
_BAYER = {
    'bayer_rggb8': cv2.COLOR_BayerBG2BGR, 'bayer_bggr8': cv2.COLOR_BayerRG2BGR,
    'bayer_gbrg8': cv2.COLOR_BayerGR2BGR, 'bayer_grbg8': cv2.COLOR_BayerGB2BGR,
    'bayer_rggb16': cv2.COLOR_BayerBG2BGR, 'bayer_bggr16': cv2.COLOR_BayerRG2BGR,
    'bayer_gbrg16': cv2.COLOR_BayerGR2BGR, 'bayer_grbg16': cv2.COLOR_BayerGB2BGR,
}
# Two bytes a pixel, luma and chroma interleaved; both names of each order.
_YUV422 = {
    'yuv422': cv2.COLOR_YUV2BGR_UYVY, 'uyvy': cv2.COLOR_YUV2BGR_UYVY,
    'yuv422_yuy2': cv2.COLOR_YUV2BGR_YUY2, 'yuyv': cv2.COLOR_YUV2BGR_YUY2,
}
# A luma plane followed by a half-height plane of interleaved chroma.
_SEMI_PLANAR = {'nv12': cv2.COLOR_YUV2BGR_NV12, 'nv21': cv2.COLOR_YUV2BGR_NV21}

ENCODINGS = tuple(_PLAIN) + tuple(_SIXTEEN) + tuple(_BAYER) + tuple(_YUV422) + tuple(_SEMI_PLANAR)


def decode(data, height, width, encoding, step, is_bigendian=False) -> Picture:
    """
    Read a raw image buffer; plain 8-bit encodings come back as a view, without a copy.

    :param data: bytes-like, rows of ``step`` bytes (padding is skipped).
    :raises PictureError: zero size, unknown encoding, or a buffer too short for the size.
    """
    if height < 1 or width < 1:
        raise PictureError('size', f'the picture is {width}x{height}: it has no pixels')
    buffer = np.frombuffer(data, np.uint8)
    if encoding in _PLAIN:
        channels, order = _PLAIN[encoding]
        return Picture(_rows(buffer, height, width, channels, step, encoding), order)
    if encoding in _SIXTEEN:
        channels, order = _SIXTEEN[encoding]
        wide = _rows(buffer, height, width, channels * 2, step, encoding)
        high = wide[..., (0 if is_bigendian else 1)::2]
        return Picture(np.ascontiguousarray(high[..., 0] if channels == 1 else high), order)
    if encoding in _BAYER:
        wide = encoding.endswith('16')
        mosaic = _rows(buffer, height, width, 2 if wide else 1, step, encoding)
        if wide:
            mosaic = mosaic[..., 0 if is_bigendian else 1]
        _needs_even(height, width, encoding)
        return Picture(cv2.cvtColor(np.ascontiguousarray(mosaic), _BAYER[encoding]), 'bgr')
    if encoding in _YUV422:
        _needs_even(2, width, encoding)
        pairs = _rows(buffer, height, width, 2, step, encoding)
        return Picture(cv2.cvtColor(np.ascontiguousarray(pairs), _YUV422[encoding]), 'bgr')
    if encoding in _SEMI_PLANAR:
        _needs_even(height, width, encoding)
        planes = _rows(buffer, height * 3 // 2, width, 1, step, encoding)
        return Picture(cv2.cvtColor(np.ascontiguousarray(planes), _SEMI_PLANAR[encoding]), 'bgr')
    raise PictureError(
        'encoding',
        # As a literal and cut: whatever a stranger publishes stays one readable line.
        f'encoding {encoding[:32]!r} is not supported: publish one of ' + ', '.join(ENCODINGS))


def decode_compressed(data) -> Picture:
    """
    Read a JPEG, PNG or other picture file's bytes as BGR.

    :raises PictureError: when the bytes are no such picture or are cut off beyond reading.
    """
    buffer = np.frombuffer(data, np.uint8)
    pixels = None
    if buffer.size:
        try:
            pixels = cv2.imdecode(buffer, cv2.IMREAD_COLOR)
        except cv2.error:
            pixels = None
    if pixels is None:
        raise PictureError(
            'data', f'the compressed picture of {buffer.size} bytes cannot be decoded')
    return Picture(pixels, 'bgr')


def _rows(buffer, height, width, bytes_per_pixel, step, encoding):
    """Return (height, width[, bytes_per_pixel]) as a view that skips each row's padding."""
    packed = width * bytes_per_pixel
    step = step or packed
    if step < packed:
        raise PictureError(
            'data',
            f'step is {step}, but a row of {width} {encoding} pixels takes {packed} bytes')
    # The last row may lack its padding, so the size that must be there is a little less.
    needed = step * (height - 1) + packed
    if buffer.size < needed:
        raise PictureError(
            'data',
            f'data holds {buffer.size} bytes, but {width}x{height} {encoding} with step {step} '
            f'takes {needed}')
    shape, strides = (height, width, bytes_per_pixel), (step, bytes_per_pixel, 1)
    if bytes_per_pixel == 1:
        shape, strides = shape[:2], (step, 1)
    return np.lib.stride_tricks.as_strided(buffer, shape, strides, writeable=False)


def _needs_even(height, width, encoding):
    if height % 2 or width % 2:
        raise PictureError('size', f'{encoding} needs even sides, not {width}x{height}')
