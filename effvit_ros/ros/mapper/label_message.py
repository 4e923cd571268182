"""Label images and confidences as the segmenter publishes them, read and checked."""
from __future__ import annotations

from typing import Optional, Tuple, Union

import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from effvit_ros.core.label_files import LabelError, labels_from_bytes, labels_from_raw


def labels_of(message: Union[Image, CompressedImage]) -> np.ndarray:
    """
    Return the class ids in an Image or in a PNG CompressedImage, (H, W) uint8.

    :raises LabelError: colours, a JPEG (which invents classes), or contradicting sizes.
    """
    if isinstance(message, CompressedImage):
        return labels_from_bytes(bytes(message.data), f"a '{message.format}' message")
    return labels_from_raw(
        np.frombuffer(message.data, np.uint8), message.height, message.width, message.encoding,
        message.step, bool(message.is_bigendian))


def confidence_of(message: Optional[Image], shape: Tuple[int, ...]) -> Optional[np.ndarray]:
    """
    Return the confidence that belongs to labels of this shape, (H, W) uint8; None of None.

    :raises LabelError: it is of another shape, or no such image.
    """
    if message is None:
        return None
    confidence = labels_of(message)
    if confidence.shape != shape:
        raise LabelError(f'the confidence is {confidence.shape[1]}x{confidence.shape[0]}, its '
                         f'labels are {shape[1]}x{shape[0]}')
    return confidence
