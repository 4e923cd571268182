"""Stills as a stream: each picture once, or a window that flies over it."""
from __future__ import annotations

import math
from pathlib import Path
from typing import Iterable, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from effvit_ros.bags.pictures import COMPRESSED, IMAGE
from effvit_ros.bags.writer import BagWriter, encode
from effvit_ros.core.errors import UserError
from effvit_ros.core.labelled_pictures import read_labels, read_picture
from effvit_ros.core.picture_files import mask_file

#: The optical frame that the pictures claim to be seen from.
FRAME_ID = 'camera'


class Form(NamedTuple):
    """How pictures are written: ``raw``, ``png`` or ``jpeg`` with a quality, on which topics."""

    encoding: str
    quality: int
    topic: str
    truth_topic: str


class StillFrame(NamedTuple):
    """A picture, (H, W, 3) uint8 BGR, its label map or None, the name of what it was cut from."""

    picture: np.ndarray
    labels: Optional[np.ndarray]
    source: str


class Counts(NamedTuple):
    """What was written; ``without_truth`` names the pictures that have no label map."""

    frames: int
    truths: int
    without_truth: List[str]


def bag_frames(pictures: Iterable[Path], labels_folder: Optional[Path] = None,
               window: Optional[Tuple[int, int]] = None,
               frames_each: int = 60) -> Iterator[StillFrame]:
    """
    Yield the :class:`StillFrame` of each picture, or of a flight over each.

    :param labels_folder: with PNGs named like the pictures, or None.
    :param window: (width, height) of the flying window, or None for whole pictures.
    :raises UserError: a picture or a label map can't be read, or they differ in size, or the
        window is larger than a picture.
    """
    for file in pictures:
        read = read_picture(file)
        picture, labels = read.bgr(), None
        mask = labels_folder and mask_file(file, labels_folder)
        if mask:
            labels = read_labels(mask, read, file)
        if window is None:
            yield StillFrame(picture, labels, file.name)
            continue
        for left, top in window_path(picture.shape[1], picture.shape[0], window, frames_each,
                                     str(file)):
            view = np.s_[top:top + window[1], left:left + window[0]]
            yield StillFrame(picture[view], None if labels is None else labels[view], file.name)


def window_path(width: int, height: int, window: Tuple[int, int], count: int,
                name: str = 'the picture') -> List[Tuple[int, int]]:
    """
    Return ``count`` top-left corners of a window on a figure of eight over a picture.

    The path is closed, never stands still for long and touches all four sides.

    :raises UserError: the window does not fit.
    """
    room = width - window[0], height - window[1]
    if min(room) < 0:
        raise UserError(f'{name}: {width}x{height}, smaller than --window '
                        f'{window[0]}x{window[1]}')
    corners = []
    for step in range(count):
        angle = 2 * math.pi * step / count
        corners.append((round(room[0] * (1 + math.sin(angle)) / 2),
                        round(room[1] * (1 + math.sin(2 * angle)) / 2)))
    return corners


def write_frames(writer: BagWriter, frames: Iterable[StillFrame], form: Form, start_ns: int,
                 rate: float) -> Counts:
    """
    Write frames at a steady rate and return the :class:`Counts`.

    :param writer: a fresh :class:`~effvit_ros.bags.writer.BagWriter`.
    :param rate: frames a second.
    """
    raw = form.encoding == 'raw'
    writer.add_topic(form.topic, IMAGE if raw else COMPRESSED)
    count, truths = 0, 0
    without: List[str] = []
    for frame in frames:
        stamp_ns = start_ns + round(count * 1e9 / rate)
        count += 1
        if raw:
            writer.write_image(form.topic, stamp_ns, frame.picture, 'bgr8', FRAME_ID)
        else:
            content = encode(frame.picture, form.encoding, form.quality)
            writer.write_compressed(form.topic, stamp_ns, content, form.encoding, FRAME_ID)
        if frame.labels is not None:
            if not truths:
                writer.add_topic(form.truth_topic, IMAGE)
            truths += 1
            writer.write_image(form.truth_topic, stamp_ns, frame.labels, 'mono8', FRAME_ID)
        elif frame.source not in without:
            without.append(frame.source)
    return Counts(count, truths, without)
