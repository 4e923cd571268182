"""
Image messages to pictures and back.

Own code rather than cv_bridge, whose builds break with NumPy 2 or OpenCV 5 and which copies;
a test compares the two byte for byte where cv_bridge works.
"""
from __future__ import annotations

from typing import Optional, Union

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from effvit_ros.core.bit_depth import BitDepth
from effvit_ros.core.pixels import decode, decode_compressed, Picture


def picture_from(message: Union[Image, CompressedImage],
                 depth: Optional[BitDepth] = None) -> Picture:
    """
    Return the :class:`~effvit_ros.core.pixels.Picture` in an Image or a CompressedImage.

    Plain 8-bit encodings come back as a view of the message's data.

    :param depth: the stream's :class:`~effvit_ros.core.bit_depth.BitDepth`.
    :raises PictureError: when the message can't be read.
    """
    error = getattr(message, 'error', None)
    if error is not None:  # a video's packet that could not be decoded
        raise error
    if isinstance(message, CompressedImage):
        return decode_compressed(message.data, message.format, depth)
    return decode(message.data, message.height, message.width, message.encoding, message.step,
                  bool(message.is_bigendian), depth)


def image_message(pixels: np.ndarray, encoding: str, header: Header) -> Image:
    """
    Return an Image that holds a copy of ``pixels``.

    :param pixels: uint8, contiguous, (H, W) or (H, W, channels).
    """
    message = Image(header=header, encoding=encoding)
    message.height, message.width = pixels.shape[:2]
    message.step = pixels.strides[0]
    # The fastest way into the message on every release; the fresh array is empty before.
    message.data.frombytes(pixels)
    return message


def jpeg_message(bgr: np.ndarray, quality: int, header: Header) -> CompressedImage:
    """Return a CompressedImage of ``bgr``, (H, W, 3) uint8; quality 1..100."""
    message = CompressedImage(header=header, format='bgr8; jpeg compressed bgr8')
    _, jpeg = cv2.imencode('.jpg', bgr, (cv2.IMWRITE_JPEG_QUALITY, quality))
    message.data.frombytes(jpeg)
    return message


def png_message(mono: np.ndarray, header: Header) -> CompressedImage:
    """Return a CompressedImage of ``mono``, (H, W) uint8, as a PNG: lossless."""
    message = CompressedImage(header=header, format='mono8; png compressed ')
    # The fastest level: label images are flat, and a drone has better things to compute.
    _, png = cv2.imencode('.png', mono, (cv2.IMWRITE_PNG_COMPRESSION, 1))
    message.data.frombytes(png)
    return message
