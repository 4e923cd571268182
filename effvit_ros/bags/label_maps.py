"""Label maps as bags hold them: image messages, ids exactly as written."""
from __future__ import annotations

import numpy as np

from effvit_ros.bags.pictures import COMPRESSED
from effvit_ros.core.label_files import in_eight_bits, LabelError, labels_from_bytes

_BYTE = ('mono8', '8UC1')
_WORD = ('mono16', '16UC1')


def labels_from_message(image):
    """
    Return the label map of an Image (8 or 16 bits, one channel) or of a PNG CompressedImage.

    :returns: (H, W) uint8.
    :raises LabelError: it is a colour picture, a JPEG or no picture at all, or its size, step and
        data contradict each other.
    """
    if image.__msgtype__ == COMPRESSED:
        return labels_from_bytes(image.data.tobytes(), f"a '{image.format}' message")
    if image.encoding in _BYTE:
        width, kind = 1, np.dtype(np.uint8)
    elif image.encoding in _WORD:
        width, kind = 2, np.dtype('>u2' if image.is_bigendian else '<u2')
    else:
        raise LabelError(f"encoding '{image.encoding}': label maps are mono8, 8UC1, mono16 "
                         'or 16UC1')
    step = image.step or image.width * width
    if not image.height or not image.width or step < image.width * width or (
            not step * (image.height - 1) + image.width * width
            <= image.data.size <= step * image.height):
        raise LabelError(f'{image.width}x{image.height} with step {step} does not fit '
                         f'{image.data.size} bytes')
    rows = np.lib.stride_tricks.as_strided(
        image.data, (image.height, image.width * width), (step, 1), writeable=False)
    return in_eight_bits(np.ascontiguousarray(rows).view(kind), f"'{image.encoding}' message")
