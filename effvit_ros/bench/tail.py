"""
How exact the tail is on pictures, and how long it takes.

Held against the plain computation: every class's scores interpolated at every pixel by OpenCV,
then the argmax. Both round in single precision, so two classes that tie within that may differ.
"""
from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Tuple

import cv2
import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.core.labelled_pictures import read_picture
from effvit_ros.core.percentiles import percentiles
from effvit_ros.core.segmenter import NO_SCORES, Segmenter
from effvit_ros.core.tail import argmax, Tail


class TailOfPicture(NamedTuple):
    """One picture: its pixels, those labelled as the plain computation does, CPU time in ms."""

    file: str
    pixels: int
    equal: int
    cpu_ms: float


def plain_labels(scores: np.ndarray, size: Tuple[int, int]) -> np.ndarray:
    """
    Return the labels that the tail must give, (height, width) uint8.

    :param scores: (classes, rows, columns) float32.
    :param size: (height, width).
    """
    return argmax(cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR)
                  for plane in scores)


def compare(scores: np.ndarray, size: Tuple[int, int], tail: Tail,
            file: str = '') -> TailOfPicture:
    """Label one picture both ways; the time is that of this thread, once all is warm."""
    tail.labels(scores)
    start = time.thread_time()
    labels = tail.labels(scores)
    cpu_ms = 1e3 * (time.thread_time() - start)
    equal = int(np.count_nonzero(labels == plain_labels(scores, size)))
    return TailOfPicture(file, labels.size, equal, cpu_ms)


def bench_tail(segmenter: Segmenter, files: Iterable[Path],
               advance: Callable[[], None] = lambda: None) -> List[TailOfPicture]:
    """
    Compare on picture files, each at its own size.

    :param segmenter: :class:`~effvit_ros.core.segmenter.Segmenter` of a bundle with scores.
    :param advance: called after each.
    :raises UserError: a file is no picture, the bundle gives no scores.
    """
    found = []
    for file in files:
        picture = read_picture(file)
        scores = segmenter.segment(picture.pixels, picture.order).scores
        if scores is None:
            raise UserError(NO_SCORES)
        size = picture.pixels.shape[:2]
        found.append(compare(scores, size, Tail(scores.shape[1:], size), str(file)))
        advance()
    return found


def tail_row(found: List[TailOfPicture]) -> Dict[str, Any]:
    """Return the share of equal pixels, the worst picture and the times, all of the pictures."""
    worst = min(found, key=lambda row: row.equal / row.pixels)
    slowest = max(found, key=lambda row: row.cpu_ms)
    median, high = percentiles([row.cpu_ms for row in found])
    return {
        'pictures': len(found), 'pixels': sum(row.pixels for row in found),
        'different': sum(row.pixels - row.equal for row in found),
        'worst_share': worst.equal / worst.pixels, 'worst_picture': Path(worst.file).name,
        'p50_ms': median, 'p95_ms': high, 'slowest_ms': slowest.cpu_ms,
        'slowest_picture': Path(slowest.file).name}


def tail_lines(row: Mapping[str, Any]) -> List[str]:
    """Return the figures as lines of text."""
    return [
        f"the tail on {row['pictures']} pictures: {row['different']} of {row['pixels']} pixels "
        'unlike plain interpolation and argmax',
        f"worst picture {row['worst_share']:.5%} equal ({row['worst_picture']})",
        f"CPU time of one thread: median {row['p50_ms']:.2f} ms, p95 {row['p95_ms']:.2f}, worst "
        f"{row['slowest_ms']:.2f} ({row['slowest_picture']})"]
