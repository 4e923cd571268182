"""
What an evaluation leaves on disk frame by frame, and the tables read back from it.

``frames.jsonl`` holds what is the same in every run, one JSON object a frame; ``timings.csv``
what is not. Reports, pooled reports and comparisons are all made from these two files, so that
memory does not depend on the length of a bag while it is evaluated.
"""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, TYPE_CHECKING, Union

import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.core.metrics import ConfusionMatrix, defined
from effvit_ros.core.reliability import Reliability

if TYPE_CHECKING:
    from effvit_ros.bags.frames import RecordedFrame

FRAMES = 'frames.jsonl'
TIMINGS = 'timings.csv'
#: Columns of timings.csv after the frame's index, milliseconds each.
#: ``read`` and ``decode`` happen in a thread of their own while the model is at work; ``wait``
#: is what is seen of them.
STEPS = ('read', 'decode', 'wait', 'prepare', 'infer', 'restore', 'score', 'write')
#: The steps that are the model's own: what Segmenter.segment does.
MODEL_STEPS = ('prepare', 'infer', 'restore')


class RecordWriter:
    """Writes the two files into a folder; a context manager."""

    def __init__(self, folder: Union[str, Path]) -> None:
        """Create the files."""
        self._frames = open(Path(folder) / FRAMES, 'w', encoding='utf-8')
        self._timings = open(Path(folder) / TIMINGS, 'w', encoding='utf-8')
        self._timings.write(','.join(('frame',) + STEPS) + '\n')

    def write(self, frame: RecordedFrame, size: Tuple[int, int], areas: np.ndarray,
              flips: Optional[float], confusion: Optional[ConfusionMatrix],
              expected: Optional[np.ndarray], reliability: Optional[Reliability],
              distance: Optional[float], milliseconds: Sequence[float]) -> None:
        """
        Add one frame.

        :param size: (width, height) of the picture.
        :param areas: (n,) counts of the network's own pixels by class.
        :param flips: share of pixels whose class differs from the frame before, or None.
        :param confusion: the frame's ConfusionMatrix, or None without truth.
        :param expected: (3, n) shares that the network's confidence expects, or None.
        :param reliability: its Reliability, or None where the bundle gives no scores.
        :param distance: from the views of the training, 1 at the limit, or None.
        :param milliseconds: one number for each of :data:`STEPS`.
        """
        entry: Dict[str, Any] = {
            'frame': frame.index, 'stamp_ns': frame.stamp_ns, 'log_ns': frame.log_ns,
            'size': list(size), 'areas': [int(a) for a in areas], 'flips': flips}
        if expected is not None:
            entry['expected'] = np.round(expected, 6).tolist()
        if confusion is not None:
            rows, columns = np.nonzero(confusion.matrix)
            entry['confusion'] = [[int(r), int(c), int(confusion.matrix[r, c])]
                                  for r, c in zip(rows, columns)]
            entry['dice'] = defined(confusion.picture_dice)
        if reliability is not None:
            entry['confidence'] = reliability.counts.tolist()
        if distance is not None:
            entry['distance'] = round(distance, 4)
        self._frames.write(json.dumps(entry, separators=(',', ':')) + '\n')
        self._timings.write(
            f'{frame.index},' + ','.join(f'{ms:.3f}' for ms in milliseconds) + '\n')

    def __enter__(self) -> RecordWriter:
        """Return itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close both files."""
        self._frames.close()
        self._timings.close()


class FrameTable(NamedTuple):
    """
    The frames of an evaluation as arrays; F frames, n classes.

    ``indices``, ``stamps_ns``: (F,) int64. ``areas``: (F, n) float, shares of the picture.
    ``flips``: (F,) float, NaN where unknown. ``scored``: (F,) bool, whether there was truth.
    ``hits``, ``support``, ``predicted``: (F, n) int64, pixels that are right, true, predicted
    (predicted where the truth counts). ``dice``: (F,) float, the LPCV referee's, NaN where
    unknown. ``confusion``: (n, n + 1) int64, the sum over all frames. ``expected``: (F, 3, n)
    float, the hits, truth and prediction that confidence expects, NaN where unknown.
    ``confidence``: (3, BINS) int64, the sum of their
    :class:`~effvit_ros.core.reliability.Reliability`. ``distance``: (F,) float, from the views of
    the training, NaN where unknown.
    """

    indices: np.ndarray
    stamps_ns: np.ndarray
    areas: np.ndarray
    flips: np.ndarray
    scored: np.ndarray
    hits: np.ndarray
    support: np.ndarray
    predicted: np.ndarray
    dice: np.ndarray
    confusion: np.ndarray
    expected: np.ndarray
    confidence: np.ndarray
    distance: np.ndarray


def read_frames(path: Union[str, Path], n_classes: int) -> FrameTable:
    """
    Return a frames.jsonl as a :class:`FrameTable`.

    :raises UserError: the file is missing or no such table.
    """
    entries = _entries(path)
    count = len(entries)
    areas = np.zeros((count, n_classes))
    flips, dice = np.full(count, np.nan), np.full(count, np.nan)
    scored = np.zeros(count, bool)
    hits, support, predicted = (np.zeros((count, n_classes), np.int64) for _ in range(3))
    confusion = np.zeros((n_classes, n_classes + 1), np.int64)
    expected = np.full((count, 3, n_classes), np.nan)
    confidence = Reliability().counts
    distance = np.full(count, np.nan)
    try:
        for row, entry in enumerate(entries):
            if 'confidence' in entry:
                confidence += np.asarray(entry['confidence'], np.int64)
            areas[row] = entry['areas']
            distance[row] = entry.get('distance', np.nan)
            if entry['flips'] is not None:
                flips[row] = entry['flips']
            if 'expected' in entry:
                expected[row] = entry['expected']
            if 'confusion' not in entry:
                continue
            scored[row] = True
            dice[row] = np.nan if entry['dice'] is None else entry['dice']
            for truth, label, pixels in entry['confusion']:
                if not (0 <= truth < n_classes and 0 <= label <= n_classes and pixels >= 0):
                    raise ValueError(f'confusion of {truth}, {label}, {pixels}')
                confusion[truth, label] += pixels
                support[row, truth] += pixels
                if label < n_classes:
                    predicted[row, label] += pixels
                if label == truth:
                    hits[row, truth] += pixels
        indices = np.array([e['frame'] for e in entries], np.int64)
        stamps = np.array([e['stamp_ns'] for e in entries], np.int64)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise UserError(f'{path}: not the frames of a {n_classes}-class evaluation '
                        f'({type(error).__name__}: {error})') from None
    totals = areas.sum(axis=1, keepdims=True)
    areas /= np.where(totals, totals, 1)
    return FrameTable(indices, stamps, areas, flips, scored, hits, support, predicted, dice,
                      confusion, expected, confidence, distance)


def read_timings(path: Union[str, Path]) -> Dict[str, np.ndarray]:
    """Return a timings.csv as step -> (F,) milliseconds."""
    table = np.loadtxt(path, delimiter=',', skiprows=1, ndmin=2)
    table = table.reshape(-1, len(STEPS) + 1)
    return {step: table[:, column + 1] for column, step in enumerate(STEPS)}


def _entries(path: Union[str, Path]) -> List[Dict[str, Any]]:
    try:
        with open(path, encoding='utf-8') as file:
            return [json.loads(line) for line in file]
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None
    except ValueError as error:
        raise UserError(f'{path}: not JSON lines: {error}') from None
