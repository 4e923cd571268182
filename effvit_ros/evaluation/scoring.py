"""Offline evaluation of one bag: every frame, in the order of recording, by the Segmenter."""
from __future__ import annotations

import time
from contextlib import closing, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional, Tuple

import cv2
import numpy as np

from effvit_ros.bags.bag import Bag
from effvit_ros.bags.frames import recorded_frames, RecordedFrame
from effvit_ros.bags.problems import BagError
from effvit_ros.core.bundle import Bundle
from effvit_ros.core.classes import IGNORE
from effvit_ros.core.jpeg import LINK_QUALITY
from effvit_ros.core.label_files import HIDES_A_CLASS, hides_a_class, LabelError
from effvit_ros.core.labelled_pictures import unclear_orientation
from effvit_ros.core.metrics import ConfusionMatrix
from effvit_ros.core.orientation import leaves_masks_unclear
from effvit_ros.core.reliability import Reliability
from effvit_ros.core.segmenter import Segmentation, Segmenter
from effvit_ros.evaluation.estimate import expected_counts
from effvit_ros.evaluation.highlights import Highlights
from effvit_ros.evaluation.read_ahead import read_ahead
from effvit_ros.evaluation.records import RecordWriter
from effvit_ros.evaluation.result_bag import ResultBag
from effvit_ros.evaluation.truth import Truth
from effvit_ros.report.contact_sheet import CONTACT_SHEET

#: Name of the bag of labels and overlays next to a report.
RESULTS = 'results'


@dataclass(frozen=True)
class Settings:
    """How bags are evaluated; everything that decides what a report says, but for the bag."""

    bundle: str
    runtime: str = 'auto'
    threads: int = 0
    image_topic: str = ''
    truth_topic: str = ''
    truth_dir: str = ''
    #: Seconds between the stamps of a picture and its truth; 0: they are the same.
    tolerance: float = 0.0
    save_bag: bool = False
    #: Of pictures of 16 bits; 0: as their values tell.
    bit_depth: int = 0


def evaluate_frames(bag: Bag, topic: str, truth: Truth, segmenter: Segmenter, folder: Path,
                    save_bag: bool = False, bit_depth: int = 0,
                    on_frame: Optional[Callable[[int], None]] = None) -> int:
    """
    Segment and score every frame of a topic.

    Leaves frames.jsonl, timings.csv and contact_sheet.jpg in ``folder``.

    :param truth: see :func:`effvit_ros.evaluation.truth.open_truth`.
    :param save_bag: also write labels and overlays into the bag :data:`RESULTS` in the folder.
    :param bit_depth: see :func:`~effvit_ros.bags.frames.recorded_frames`.
    :param on_frame: called after each frame with the number of frames so far.
    :returns: how many frames were scored.
    :raises BagError: ``empty``, when not one frame could be read.
    """
    scorer = _Scorer(bag, topic, truth, segmenter.bundle)
    count = 0
    with ExitStack() as stack:
        record = stack.enter_context(RecordWriter(folder))
        highlights = Highlights()
        results = None
        if save_bag:
            results = stack.enter_context(ResultBag(folder / RESULTS, segmenter.bundle))
        frames = stack.enter_context(closing(read_ahead(recorded_frames(bag, topic, bit_depth))))
        asked = time.perf_counter()
        for frame in frames:
            wait_ms = (time.perf_counter() - asked) * 1e3
            pixels = frame.picture.pixels
            segmentation = segmenter.segment(pixels, frame.picture.order)
            start = time.perf_counter()
            score = scorer.score(frame, segmentation)
            scored = time.perf_counter()
            highlights.offer(frame, segmentation.labels, score.truth, score.badness)
            if results is not None:
                results.write(frame, segmentation.labels)
            timings = segmentation.timings
            record.write(
                frame, (pixels.shape[1], pixels.shape[0]), score.areas, score.flips,
                score.confusion, score.expected, score.reliability, score.distance,
                (frame.read_ms, frame.decode_ms, wait_ms, timings.prepare_ms, timings.infer_ms,
                 timings.restore_ms, (scored - start) * 1e3,
                 (time.perf_counter() - scored) * 1e3))
            count += 1
            if on_frame is not None:
                on_frame(count)
            asked = time.perf_counter()
        if not count:
            raise BagError('empty', f'{bag.path}: not one picture of {topic} can be read')
        _save_sheet(highlights, segmenter.bundle, folder)
    truth.report_unused(bag.problems)
    return scorer.finish()


def _save_sheet(highlights: Highlights, bundle: Bundle, folder: Path) -> None:
    sheet = highlights.sheet(bundle.names, bundle.palette)
    if sheet is not None:
        cv2.imwrite(str(folder / CONTACT_SHEET), sheet, (cv2.IMWRITE_JPEG_QUALITY, LINK_QUALITY))


@dataclass(frozen=True)
class FrameScore:
    """
    What one frame came to.

    ``areas`` (n,) counts, ``flips`` share or None, ``confusion`` and ``truth`` None where the
    frame has no truth; ``badness`` is high for frames worth a look: 1 - Dice with truth, else
    the share of flips. ``reliability`` is None where the bundle gives no scores.
    """

    areas: np.ndarray
    flips: Optional[float]
    confusion: Optional[ConfusionMatrix]
    truth: Optional[np.ndarray]
    badness: float
    #: (3, n) of :func:`~effvit_ros.evaluation.estimate.expected_counts`, None without scores.
    expected: Optional[np.ndarray] = None
    #: None where the bundle gives no scores.
    reliability: Optional[Reliability] = None
    #: From the views of the training, 1 at the limit; None where the bundle does not say.
    distance: Optional[float] = None


class _Scorer:
    """Scores frames one after the other; remembers the last one's labels."""

    def __init__(self, bag: Bag, topic: str, truth: Truth, bundle: Bundle) -> None:
        self._bag = bag
        self._topic = topic
        self._truth = truth
        self._n_classes = len(bundle.classes)
        self._ignore = bundle.ignore
        self._temperature = bundle.temperature
        self._views = bundle.views if bundle.gives_scores else None
        self._previous: Optional[np.ndarray] = None
        self._scored = 0
        self._stored = np.zeros(256, np.int64)

    def finish(self) -> int:
        """Tell what only all truth together shows; returns how many frames had one."""
        if self._ignore == IGNORE and hides_a_class(self._stored):
            self._bag.problems.add('hidden_class', f'{self._bag.path}: {HIDES_A_CLASS}')
        return self._scored

    def score(self, frame: RecordedFrame, segmentation: Segmentation) -> FrameScore:
        labels = segmentation.labels
        areas = np.bincount(labels.ravel(), minlength=self._n_classes)[:self._n_classes]
        flips = None
        if frame.follows and self._previous is not None and self._previous.shape == labels.shape:
            flips = np.count_nonzero(labels != self._previous) / labels.size
        self._previous = labels.copy()
        expected = None if segmentation.scores is None else expected_counts(
            segmentation.scores, self._temperature)
        distance = None
        if self._views is not None:
            distance = self._views.nearest(segmentation.look()).distance / self._views.limit
        truth = self._matching_truth(frame, segmentation.labels.shape)
        reliability = None
        if segmentation.scores is not None:
            reliability = Reliability().update(
                segmentation.confidence(), labels, truth, self._n_classes)
        if truth is None:
            return FrameScore(areas, flips, None, None, flips or 0.0, expected, reliability,
                              distance)
        confusion = ConfusionMatrix(self._n_classes).update(truth, segmentation.labels)
        dice = confusion.picture_dice
        return FrameScore(areas, flips, confusion, truth, 0.0 if np.isnan(dice) else 1 - dice,
                          expected, reliability, distance)

    def _matching_truth(self, frame: RecordedFrame,
                        shape: Tuple[int, ...]) -> Optional[np.ndarray]:
        problems, where = self._bag.problems, f'{self._bag.path}: frame {frame.index}'
        try:
            truth = self._truth.labels(frame.index, frame.stamp_ns, frame.next_stamp_ns)
        except LabelError as error:
            problems.add('bad_truth', f'{where} is not scored: {error}', subject='truth')
            return None
        if truth is None:
            return None
        if truth.shape != shape:
            problems.add(
                'truth_size', f'{where} is not scored: its truth is {truth.shape[1]}x'
                f'{truth.shape[0]}, the picture {shape[1]}x{shape[0]}', subject=self._topic)
            return None
        if leaves_masks_unclear(frame.picture.orientation, shape):
            problems.add('turned', unclear_orientation(f'{where} is not scored', frame.picture
                                                       .orientation), subject=self._topic)
            return None
        self._scored += 1
        self._stored += np.bincount(truth.ravel(), minlength=256)
        foreign = truth[(truth >= self._n_classes) & (truth != self._ignore)]
        if foreign.size:
            problems.add('truth_ids', f'{where}: its truth holds class {foreign[0]}, the bundle '
                         f'has 0..{self._n_classes - 1} and ignores {self._ignore}: these pixels '
                         'are not scored', subject=self._topic)
        return truth
