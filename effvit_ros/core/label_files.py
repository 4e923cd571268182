"""
Label maps in files: class ids exactly as somebody stored them, or a refusal.

The one reader of masks: whatever takes them (evaluate_bag, make_bag, camera_node, training)
reads and refuses the same.
"""
from __future__ import annotations

import io
import struct
from functools import lru_cache
from pathlib import Path
from typing import Dict, Tuple

import cv2
import numpy as np

from effvit_ros.core.classes import IGNORE, lpcv_classes
from effvit_ros.core.errors import UserError
from effvit_ros.core.orientation import orientation_of, upright
from effvit_ros.core.picture_size import pillow, too_large

#: What 16-bit masks store for pixels without a class: -1.
_IGNORE_16 = 65535
#: Encodings of Images that hold ids, of 8 and of 16 bits.
_BYTE, _WORD = ('mono8', '8UC1'), ('mono16', '16UC1')
_PNG = b'\x89PNG\r\n\x1a\n'
_OTHERS = (b'BM', b'II*\0', b'MM\0*')
_LOSSY = {b'\xff\xd8': 'a JPEG', b'RI': 'a WebP', b'\0\0': 'a JPEG 2000, HEIC or AVIF'}
#: Of PNG's header: bits a sample, and what a pixel is.
_PNG_GREY, _PNG_PALETTE = 0, 3
#: TIFF's tags of what may change or invert ids.
_BITS, _COMPRESSION, _PHOTOMETRIC = 258, 259, 262
_TIFF_JPEG = (6, 7, 33003, 33005, 34712)
#: Colour -> id.
_Order = Dict[Tuple[int, ...], int]


class LabelError(UserError):
    """Something that is no label map: one line that says what it is instead."""


def labels_from_file(path: Path) -> np.ndarray:
    """
    Return the label map in a picture file, (H, W) uint8.

    :raises LabelError: no PNG, TIFF or BMP of one channel of ids.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LabelError(f'{path}: {error.strerror}') from None
    return labels_from_bytes(content, str(path))


def labels_from_bytes(content: bytes, what: object) -> np.ndarray:
    """
    Return the label map in the bytes of a picture file, (H, W) uint8.

    Samples of 1, 2 and 4 bits are ids, too (not the brightness that viewers make of them);
    of a palette the positions are.

    :param what: how an error names the bytes.
    :raises LabelError: no lossless picture of one channel of ids.
    """
    refuse_lossy(content, what)
    if content[:8] == _PNG and len(content) > 25:
        bits, kind = content[24], content[25]
        if kind == _PNG_PALETTE:
            labels = _by_pillow(content, what)
        else:
            labels = _by_opencv(content, what)
            if kind == _PNG_GREY and bits < 8:
                labels = labels // np.uint8(255 // (2**bits - 1))
    elif content[:2] == _OTHERS[0] or content[:4] in _OTHERS:
        labels = _by_pillow(content, what)
    else:
        raise LabelError(f'{what}: cannot be decoded: label maps are PNG, TIFF or BMP')
    if labels.ndim != 2 or labels.dtype not in (np.uint8, np.uint16):
        channels = 1 if labels.ndim == 2 else labels.shape[2]
        raise LabelError(f'{what}: {channels} channels of {labels.dtype}: label maps have one '
                         'channel of class ids')
    return upright(in_eight_bits(labels, what), orientation_of(content))


def colours_from_bytes(content: bytes, what: object) -> np.ndarray:
    """
    Return the colours of a label picture, (H, W, 3) uint8 BGR.

    :raises LabelError: no lossless picture.
    """
    refuse_lossy(content, what)
    colours = _by_opencv(content, what, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return upright(colours, orientation_of(content))


def labels_from_raw(data: np.ndarray, height: int, width: int, encoding: str, step: int,
                    is_bigendian: bool = False) -> np.ndarray:
    """
    Return the label map in an Image's fields, (H, W) uint8; a view of ``data`` where it can be.

    :param data: uint8, rows of ``step`` bytes; padding is skipped, of the last row it may lack.
    :raises LabelError: colours, or size, step and data contradict each other.
    """
    if encoding not in _BYTE + _WORD:
        raise LabelError(f"encoding '{encoding}': label maps are {', '.join(_BYTE)}, "
                         f"{' or '.join(_WORD)}")
    kind = np.dtype(np.uint8 if encoding in _BYTE else '>u2' if is_bigendian else '<u2')
    packed = width * kind.itemsize
    step = step or packed
    if not height or not width or step < packed or (
            not step * (height - 1) + packed <= data.size <= step * height):
        raise LabelError(f'{width}x{height} with step {step} does not fit {data.size} bytes')
    rows = np.lib.stride_tricks.as_strided(
        data, (height, packed), (step, 1), writeable=False)
    return in_eight_bits(np.ascontiguousarray(rows).view(kind), f"'{encoding}' message")


def in_eight_bits(labels: np.ndarray, what: object) -> np.ndarray:
    """
    Return ids of 8 or 16 bits as uint8; 65535 is the ignored one.

    :raises LabelError: another id above 255.
    """
    if labels.dtype == np.uint8:
        return labels
    labels = np.where(labels == _IGNORE_16, IGNORE, labels)
    if labels.size and labels.max() > IGNORE:
        raise LabelError(f'{what}: holds id {labels.max()}: class ids are 0 to 255')
    return labels.astype(np.uint8)


def hides_a_class(pixels: np.ndarray) -> bool:
    """
    Return whether all that masks hold is 0 and the ignored 255: black and white, not ids 0 and 1.

    :param pixels: (256,) pixels of each stored id.
    """
    held = np.flatnonzero(pixels)
    return held.tolist() == [0, IGNORE]


#: What is said of such masks, after their name.
HIDES_A_CLASS = ('the masks hold only 0 and 255, and 255 is ignored: write the second class as id '
                 '1, or as 1-bit PNGs')


def refuse_lossy(content: bytes, what: object) -> None:
    """Refuse what changes ids and colours, and too many pixels; :raises LabelError: it is such."""
    lossy = _LOSSY.get(content[:2])
    if lossy:
        raise LabelError(f'{what}: {lossy}, which may change class ids: label maps are PNG')
    problem = too_large(content)
    if problem:
        raise LabelError(f'{what}: {problem}')


def _by_opencv(content: bytes, what: object, flags: int = cv2.IMREAD_UNCHANGED) -> np.ndarray:
    labels = None
    try:
        labels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        pass
    if labels is None:
        raise LabelError(f'{what}: cannot be decoded')
    return labels


def _by_pillow(content: bytes, what: object) -> np.ndarray:
    """Return what a palette PNG, a TIFF or a BMP stores; OpenCV would give colours."""
    try:
        Image = pillow()
    except ImportError:
        raise LabelError(f'{what}: to read it needs Pillow: pip install pillow') from None
    try:
        with Image.open(io.BytesIO(content)) as picture:
            tags = getattr(picture, 'tag_v2', {})
            pixels = np.array(picture)
            palette = picture.getpalette() if picture.mode == 'P' else None
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError):
        raise LabelError(f'{what}: cannot be decoded') from None
    if tags.get(_COMPRESSION) in _TIFF_JPEG:
        raise LabelError(f'{what}: a TIFF with JPEG inside, which changes class ids')
    if tags.get(_PHOTOMETRIC) == 0:
        raise LabelError(f'{what}: a TIFF whose 0 is white: nobody can tell id 0 from the '
                         'highest: save it as PNG')
    if palette is not None:
        _check_palette(pixels, np.reshape(palette, (-1, 3)), what)
    bits = tags.get(_BITS, (8,))[0]
    if picture.mode == 'L' and bits < 8:
        return pixels // np.uint8(255 // (2**bits - 1))
    return pixels.astype(np.uint8) if picture.mode == '1' else pixels


def _check_palette(positions: np.ndarray, palette: np.ndarray, what: object) -> None:
    """
    Refuse a palette in another order than its colours have as ids.

    Programs that make files smaller reorder palettes; the picture stays, the positions do not.

    :raises LabelError: all colours in use are those of a well-known order, in another one.
    """
    used = np.unique(positions)
    if used.size and used[-1] >= len(palette):
        raise LabelError(f'{what}: position {used[-1]} is not in its palette of {len(palette)}')
    colours = [tuple(colour) for colour in palette[used].tolist()]
    known = {name: [order[colour] for colour in colours] for name, order in _known_orders().items()
             if order.keys() >= set(colours)}
    if len(set(colours)) < len(colours) or not known or used.tolist() in known.values():
        return
    name, ids = next(iter(known.items()))
    wrong = next(i for i, position in enumerate(used) if ids[i] != position)
    raise LabelError(
        f'{what}: its palette holds {name} {ids[wrong]} at position {used[wrong]}: a program that '
        'makes files smaller may have reordered it; save the ids as 8-bit grey')


def _voc_colours() -> np.ndarray:
    """Return the colours of PASCAL VOC's label maps, (256, 3), which many tools give to ids."""
    ids, colours = np.arange(256), np.zeros((256, 3), int)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= (ids >> (3 * bit + channel) & 1) << (7 - bit)
    return colours


def _order(colours: np.ndarray) -> _Order:
    return {tuple(colour): number for number, colour in enumerate(np.asarray(colours).tolist())}


@lru_cache(maxsize=1)
def _known_orders() -> Dict[str, _Order]:
    """Return the orders of colours that are known: what a complaint calls one -> colour -> id."""
    return {
        'grey': _order(np.repeat(np.arange(256)[:, None], 3, axis=1)),
        'the colour of LPCV class': _order(lpcv_classes().palette),
        'the colour of VOC class': _order(_voc_colours()),
    }
