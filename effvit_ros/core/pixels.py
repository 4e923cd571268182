"""
Raw pixel buffers, as cameras and bags hold them, to pictures that the segmenter takes.

The encodings are those of ``sensor_msgs/image_encodings.hpp``; nothing here needs ROS.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Optional, Tuple

import cv2
import numpy as np

from effvit_ros.core.bit_depth import BitDepth
from effvit_ros.core.errors import UserError
from effvit_ros.core.jpeg import is_cut_off, JPEG
from effvit_ros.core.orientation import orientation_of, UPRIGHT, upright
from effvit_ros.core.picture_size import too_large


class PictureError(UserError):
    """
    A frame that can't be read: the message names the field and its value.

    ``kind`` is what is wrong in one word, for counting: ``size``, ``encoding`` or ``data``.
    """

    def __init__(self, kind: str, message: str) -> None:
        """Keep the kind with the message."""
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Picture:
    """
    A readable picture: ``pixels`` uint8 (H, W, 3 or 4) or (H, W), ``order`` as in the segmenter.

    ``pixels`` may be a view of the buffer that was handed in. ``orientation`` is what EXIF said
    of the stored picture; the pixels are upright.
    """

    pixels: np.ndarray
    order: str
    orientation: int = UPRIGHT

    def bgr(self) -> np.ndarray:
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
# Sixteen bits a channel, of which the camera may fill fewer: see BitDepth.
_SIXTEEN = {
    'mono16': (1, 'mono'), 'bgr16': (3, 'bgr'), 'rgb16': (3, 'rgb'),
    'bgra16': (4, 'bgra'), 'rgba16': (4, 'rgba'), '16UC3': (3, 'bgr'), '16UC4': (4, 'bgra'),
}
# What depth cameras publish: distances, no pictures.
_DEPTH_ENCODINGS = ('16UC1', '16SC1', '32FC1', '64FC1')
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
#: Rows to which decoders round up the height of a plane.
_ROW_MULTIPLES = (8, 16, 32, 64)

ENCODINGS = tuple(_PLAIN) + tuple(_SIXTEEN) + tuple(_BAYER) + tuple(_YUV422) + tuple(_SEMI_PLANAR)


def decode(data: Any, height: int, width: int, encoding: str, step: int,
           is_bigendian: bool = False, depth: Optional[BitDepth] = None) -> Picture:
    """
    Read a raw image buffer; plain 8-bit encodings come back as a view, without a copy.

    :param data: bytes-like, rows of ``step`` bytes (padding is skipped).
    :param depth: the stream's :class:`~effvit_ros.core.bit_depth.BitDepth`; None: a picture of
        16 bits tells its own.
    :raises PictureError: zero size, no encoding of pictures, or a buffer that is too short or
        too long for the size.
    """
    if height < 1 or width < 1:
        raise PictureError('size', f'the picture is {width}x{height}: it has no pixels')
    buffer = np.frombuffer(data, np.uint8)
    size = f'{width}x{height} {_named(encoding)}'
    if encoding in _PLAIN:
        channels, order = _PLAIN[encoding]
        return Picture(_rows(buffer, height, width, channels, step, size), order)
    if encoding in _SIXTEEN:
        channels, order = _SIXTEEN[encoding]
        wide = _rows(buffer, height, width, channels * 2, step, size)
        pixels = _eight_bits(wide, is_bigendian, depth)
        return Picture(pixels[..., 0] if channels == 1 else pixels, order)
    if encoding in _BAYER:
        is_wide = encoding.endswith('16')
        mosaic = _rows(buffer, height, width, 2 if is_wide else 1, step, size)
        if is_wide:
            mosaic = _eight_bits(mosaic, is_bigendian, depth)[..., 0]
        return Picture(_demosaiced(mosaic, encoding), 'bgr')
    if encoding in _YUV422:
        _needs_even((width,), size)
        pairs = _rows(buffer, height, width, 2, step, size)
        return Picture(cv2.cvtColor(np.ascontiguousarray(pairs), _YUV422[encoding]), 'bgr')
    if encoding in _SEMI_PLANAR:
        _needs_even((height, width), size)
        planes = _planes(buffer, height, width, step or width, size)
        return Picture(cv2.cvtColor(planes, _SEMI_PLANAR[encoding]), 'bgr')
    if encoding in _DEPTH_ENCODINGS:
        raise PictureError('encoding', f"encoding '{encoding}' holds distances or raw numbers, no "
                                       'picture: a grey camera of 16 bits publishes mono16')
    raise PictureError(
        'encoding',
        f'encoding {_named(encoding)} is not supported: publish one of ' + ', '.join(ENCODINGS))


def decode_compressed(data: Any, form: str = '',
                      depth: Optional[BitDepth] = None) -> Picture:
    """
    Read a JPEG, PNG or other picture file's bytes as BGR or RGB, upright.

    :param form: the message's ``format``. As image_transport writes it
        (``bayer_rggb8; png compressed ``, ``rgb8; jpeg compressed bgr8``) it tells a mosaic from
        a grey picture, and RGB that was stored as if it were BGR.
    :param depth: as for :func:`decode`.
    :raises PictureError: the bytes are no such picture, are cut off beyond reading, or hold
        distances.
    """
    encoding, stored_as = _parts_of(form)
    if means_distances(form):
        raise PictureError('encoding', f'format {_named(form)} holds distances, no picture')
    buffer = np.frombuffer(data, np.uint8)
    is_mosaic = encoding in _BAYER and stored_as in ('', encoding)
    pixels = _decoded(buffer, is_mosaic)
    if pixels.dtype == np.uint16:
        pixels = (depth or BitDepth()).to_bytes(
            (pixels >> 8).astype(np.uint8), pixels.astype(np.uint8))
    if pixels.dtype != np.uint8:
        raise PictureError('data', f'the compressed picture holds {pixels.dtype}: pictures have 8 '
                                   'or 16 bits a channel')
    order = 'rgb' if pixels.ndim == 3 and stored_as.startswith('rgb') else 'bgr'
    if pixels.ndim == 2:
        pixels = (_demosaiced(pixels, encoding) if is_mosaic
                  else cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR))
    orientation = orientation_of(buffer.data)
    return Picture(upright(pixels, orientation), order, orientation)


def means_distances(form: str) -> bool:
    """Return whether an encoding, or a CompressedImage's format, is that of depth cameras."""
    return form.partition(';')[0].strip() in _DEPTH_ENCODINGS or 'compressedDepth' in form


def _decoded(buffer: np.ndarray, is_mosaic: bool) -> np.ndarray:
    """Return what the file stores: (H, W) or (H, W, 3); JPEGs of no mosaic as (H, W, 3)."""
    flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH
    is_jpeg = buffer[:2].tobytes() == JPEG
    if is_jpeg and not is_mosaic:
        flags = cv2.IMREAD_COLOR
    if is_jpeg and is_cut_off(buffer.data):
        raise PictureError('data', f'the compressed picture of {buffer.size} bytes cannot be '
                                   'decoded: its end is missing')
    problem = too_large(buffer.data)
    if problem:
        raise PictureError('data', f'the compressed picture of {buffer.size} bytes cannot be '
                                   f'decoded: {problem}')
    pixels = None
    if buffer.size:
        try:
            pixels = cv2.imdecode(buffer, flags | cv2.IMREAD_IGNORE_ORIENTATION)
        except cv2.error:
            pixels = None
    if pixels is None:
        raise PictureError(
            'data', f'the compressed picture of {buffer.size} bytes cannot be decoded')
    return pixels


def _parts_of(form: str) -> Tuple[str, str]:
    """Return the raw encoding and that of the file's colours in a CompressedImage's format."""
    encoding, separator, rest = form.partition(';')
    if not separator:
        return '', ''
    return encoding.strip(), rest.rpartition('compressed')[2].strip()


def _named(text: str) -> str:
    # As a literal and cut: whatever a stranger publishes stays one readable line.
    return text if text in ENCODINGS else repr(text[:48])


def _eight_bits(values: np.ndarray, is_bigendian: bool, depth: Optional[BitDepth]) -> np.ndarray:
    """Return (H, W, channels) uint8 of (H, W, 2 * channels) bytes."""
    low, high = values[..., 0::2], values[..., 1::2]
    if is_bigendian:
        low, high = high, low
    return np.ascontiguousarray((depth or BitDepth()).to_bytes(high, low))


def _demosaiced(mosaic: np.ndarray, encoding: str) -> np.ndarray:
    height, width = mosaic.shape
    _needs_even((height, width), f'{width}x{height} {encoding}')
    return cv2.cvtColor(np.ascontiguousarray(mosaic), _BAYER[encoding])


def _planes(buffer: np.ndarray, height: int, width: int, step: int, size: str) -> np.ndarray:
    """
    Return luma and chroma as (height * 3 / 2, width), without what a decoder padded.

    A buffer that is longer than the picture is understood where its luma plane is the height
    rounded up as decoders do.
    """
    for rows in (height, *(height + -height % multiple for multiple in _ROW_MULTIPLES)):
        if buffer.size == step * rows * 3 // 2 and step >= width:
            planes = buffer.reshape(rows * 3 // 2, step)
            return np.vstack([planes[:height, :width],
                              planes[rows:rows + height // 2, :width]])
    return np.ascontiguousarray(_rows(buffer, height * 3 // 2, width, 1, step, size))


def _rows(buffer: np.ndarray, height: int, width: int, bytes_per_pixel: int, step: int,
          size: str) -> np.ndarray:
    """
    Return (height, width[, bytes_per_pixel]) as a view that skips each row's padding.

    :param size: how a complaint calls the picture.
    """
    packed = width * bytes_per_pixel
    step = step or packed
    if step < packed:
        raise PictureError('data', f'step is {step}, but a row of {size} takes {packed} bytes')
    # The last row may lack its padding, so the size that must be there is a little less.
    needed = step * (height - 1) + packed
    if buffer.size < needed:
        raise PictureError('data', f'data holds {buffer.size} bytes, but {size} with step {step} '
                                   f'takes {needed}')
    if buffer.size > step * height:
        raise PictureError('data', f'data holds {buffer.size} bytes, but {size} with step {step} '
                                   f'has only {step * height}: size, encoding or step is wrong')
    pixels = np.lib.stride_tricks.as_strided(
        buffer, (height, width, bytes_per_pixel), (step, bytes_per_pixel, 1), writeable=False)
    return pixels[..., 0] if bytes_per_pixel == 1 else pixels


def _needs_even(sides: Iterable[int], size: str) -> None:
    if any(side % 2 for side in sides):
        raise PictureError('size', f'{size} needs even sides')
