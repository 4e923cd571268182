"""Masks as run lengths, in the three dialects of labelling tools."""
from __future__ import annotations

from typing import Iterable, List, Sequence, Union

import numpy as np

#: Bits of a run's length in Label Studio's stream, chosen by a two-bit number.
_LS_SIZES = (3, 4, 8, 16)
#: Label Studio's masks are the alpha of RGBA pictures: every value is there four times.
_LS_CHANNELS = 4


def run_lengths(values: np.ndarray) -> List[int]:
    """
    Return the lengths of the runs of a flat boolean array, the first of zeros (it may be 0).

    Row by row that is CVAT's ``rle``, column by column COCO's uncompressed ``counts``.
    """
    flat = np.asarray(values, bool).ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(np.concatenate(([0], edges, [flat.size]))).tolist()
    return [0] + lengths if flat.size and flat[0] else lengths


def from_run_lengths(lengths: Union[Sequence[int], np.ndarray], size: int) -> np.ndarray:
    """
    Return the flat boolean array of ``size`` values that the run lengths stand for.

    :raises ValueError: they are of another size, or negative.
    """
    lengths = np.asarray(lengths, np.int64)
    if lengths.ndim != 1 or (lengths < 0).any() or lengths.sum() != size:
        raise ValueError(f'run lengths of {int(lengths.sum())} values, not {size}')
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)


def to_label_studio(mask: np.ndarray) -> List[int]:
    """Return a mask (H, W) bool as the bytes, a list of int, of Label Studio's brush ``rle``."""
    flat = np.asarray(mask, bool).ravel()
    bits = [f'{flat.size * _LS_CHANNELS:032b}', f'{7:05b}',
            *(f'{size - 1:04b}' for size in _LS_SIZES)]
    for number, length in enumerate(run_lengths(flat)):
        value = f'{255 if number % 2 else 0:08b}'
        left = length * _LS_CHANNELS
        while left:
            part = min(left, 1 << 16)
            size = next(i for i, size in enumerate(_LS_SIZES) if part <= 1 << size)
            bits.append(f'1{size:02b}{part - 1:0{_LS_SIZES[size]}b}{value}')
            left -= part
    text = ''.join(bits)
    text += '0' * (-len(text) % 8)
    return [int(text[i:i + 8], 2) for i in range(0, len(text), 8)]


def from_label_studio(rle: Iterable[int], height: int, width: int) -> np.ndarray:
    """
    Return the mask (H, W) bool of Label Studio's brush ``rle``: where alpha is not 0.

    :raises ValueError: it is cut off, or of another size.
    """
    stream = _Bits(rle)
    count = stream.read(32)
    if count != height * width * _LS_CHANNELS:
        raise ValueError(f'a brush of {count // _LS_CHANNELS} pixels, not {width}x{height}')
    word = stream.read(5) + 1
    sizes = [stream.read(4) + 1 for _ in range(4)]
    values = np.zeros(count, np.uint8)
    at = 0
    while at < count:
        same = stream.read(1)
        length = stream.read(sizes[stream.read(2)]) + 1
        if at + length > count:
            raise ValueError('a run that is longer than the mask')
        if same:
            values[at:at + length] = stream.read(word)
        else:
            for offset in range(length):
                values[at + offset] = stream.read(word)
        at += length
    return values[_LS_CHANNELS - 1::_LS_CHANNELS].reshape(height, width) > 0


class _Bits:
    """Numbers of some bits each, the most significant bit first."""

    def __init__(self, data: Iterable[int]) -> None:
        try:
            self._text = ''.join(f'{byte:08b}' for byte in bytes(data))
        except (TypeError, ValueError):
            raise ValueError('a brush whose rle is no list of bytes') from None
        self._at = 0

    def read(self, count: int) -> int:
        """Return the next ``count`` bits as a number; :raises ValueError: there are fewer."""
        part = self._text[self._at:self._at + count]
        if len(part) < count:
            raise ValueError('a brush whose rle is cut off')
        self._at += count
        return int(part, 2)
