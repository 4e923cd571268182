"""Label maps as people hand them in: image messages and index PNGs, ids exactly as written."""
from __future__ import annotations

import cv2
import numpy as np

from effvit_ros.bags.pictures import COMPRESSED
from effvit_ros.core.classes import IGNORE
from effvit_ros.core.errors import UserError

_BYTE = ('mono8', '8UC1')
_WORD = ('mono16', '16UC1')
_PNG_MAGIC = b'\x89PNG\r\n\x1a\n'


class LabelError(UserError):
    """Something that is no label map: one line that says what it is instead."""


def labels_from_message(image):
    """
    Return the label map of an Image (8 or 16 bits, one channel) or of a PNG CompressedImage.

    :returns: (H, W) uint8; ids above 255 become the ignored one.
    :raises LabelError: it is a colour picture, a JPEG or no picture at all.
    """
    if image.__msgtype__ == COMPRESSED:
        return labels_from_png(image.data.tobytes(), f"a '{image.format}' message")
    if image.encoding in _BYTE:
        width, kind = 1, np.dtype(np.uint8)
    elif image.encoding in _WORD:
        width, kind = 2, np.dtype('>u2' if image.is_bigendian else '<u2')
    else:
        raise LabelError(f"encoding '{image.encoding}': label maps are mono8, 8UC1, mono16 "
                         'or 16UC1')
    step = image.step or image.width * width
    if not image.height or not image.width or step < image.width * width or (
            image.data.size < step * (image.height - 1) + image.width * width):
        raise LabelError(f'{image.width}x{image.height} with step {step} does not fit '
                         f'{image.data.size} bytes')
    rows = np.lib.stride_tricks.as_strided(
        image.data, (image.height, image.width * width), (step, 1), writeable=False)
    return _as_bytes(np.ascontiguousarray(rows).view(kind))


def labels_from_file(path):
    """
    Return the label map in a picture file, (H, W) uint8.

    :raises LabelError: no PNG (or other lossless picture) of one channel.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LabelError(f'{path}: {error.strerror}') from None
    return labels_from_png(content, str(path))


def labels_from_png(content, what):
    """
    Return the label map in the bytes of a picture file, (H, W) uint8.

    :param what: how an error names the bytes.
    :raises LabelError: no lossless picture of one channel.
    """
    if content[:2] == b'\xff\xd8':
        raise LabelError(f'{what}: a JPEG, which changes class ids: label maps are PNG')
    if _is_palette_png(content):
        return _palette_indices(content, what)
    labels = None
    try:
        labels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pass
    if labels is None:
        raise LabelError(f'{what}: cannot be decoded')
    if labels.ndim != 2 or labels.dtype not in (np.uint8, np.uint16):
        channels = 1 if labels.ndim == 2 else labels.shape[2]
        raise LabelError(f'{what}: {channels} channels of {labels.dtype}: label maps have one '
                         'channel of class ids')
    return _as_bytes(labels)


def _as_bytes(labels):
    if labels.dtype == np.uint8:
        return labels
    return np.where(labels > IGNORE, IGNORE, labels).astype(np.uint8)


def _is_palette_png(content):
    # Byte 25 of a PNG is the colour type of its header; 3 is a palette.
    return content[:8] == _PNG_MAGIC and len(content) > 25 and content[25] == 3


def _palette_indices(content, what):
    """Return a palette PNG's indices; OpenCV would give its colours."""
    import io

    from PIL import Image, UnidentifiedImageError
    try:
        with Image.open(io.BytesIO(content)) as picture:
            return np.array(picture, dtype=np.uint8)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise LabelError(f'{what}: cannot be decoded') from None
