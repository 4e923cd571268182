"""Label maps as bags hold them: image messages, ids exactly as written."""
from __future__ import annotations

from typing import Any

import numpy as np

from effvit_ros.bags.pictures import COMPRESSED
from effvit_ros.core.label_files import labels_from_bytes, labels_from_raw


def labels_from_message(image: Any) -> np.ndarray:
    """
    Return the label map of an Image (8 or 16 bits, one channel) or of a PNG CompressedImage.

    :returns: (H, W) uint8.
    :raises LabelError: it is a colour picture, a JPEG or no picture at all, or its size, step and
        data contradict each other.
    """
    if image.__msgtype__ == COMPRESSED:
        return labels_from_bytes(image.data.tobytes(), f"a '{image.format}' message")
    return labels_from_raw(image.data, image.height, image.width, image.encoding, image.step,
                           bool(image.is_bigendian))
