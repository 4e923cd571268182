"""A picture of any size in, a label map of that size out."""
from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple, Optional, Tuple

import cv2
import numpy as np

from effvit_ros.core.bundle import Bundle, BundleError
from effvit_ros.core.engine_policy import EnginePolicy
from effvit_ros.core.errors import UserError
from effvit_ros.core.resize import nearest
from effvit_ros.core.runtimes import open_runtime
from effvit_ros.core.tail import Tail
from effvit_ros.core.view import look

#: Channel orders of pictures that :meth:`Segmenter.segment` takes.
ORDERS = ('bgr', 'rgb', 'bgra', 'rgba', 'mono')
#: Why there is no confidence.
NO_SCORES = ('this bundle gives labels without scores (format 1 or 2), so there is no confidence: '
             'export it again with effvit-compress')


@dataclass(frozen=True)
class Timings:
    """Wall time of each step of one picture, in milliseconds."""

    prepare_ms: float
    infer_ms: float
    restore_ms: float

    @property
    def total_ms(self) -> float:
        """Return the sum of the steps."""
        return self.prepare_ms + self.infer_ms + self.restore_ms


class Segmentation:
    """
    What one picture gave; its arrays are valid until the segmenter's next call.

    ``labels`` is (H, W) uint8 of the picture's size. ``scores``, (classes, rows, columns)
    float32, are the network's own; None where the bundle (format 1 or 2) gives labels alone.
    """

    def __init__(self, labels: np.ndarray, scores: Optional[np.ndarray], timings: Timings,
                 tail: Optional[Tail], temperature: float, pixels: np.ndarray) -> None:
        self.labels = labels
        self.scores = scores
        self.timings = timings
        self._tail = tail
        self._temperature = temperature
        self._pixels = pixels

    def confidence(self) -> np.ndarray:
        """
        Return the probability of each pixel's class, (H, W) uint8 where 255 is 1.

        Computed when it is asked for.

        :raises UserError: the bundle gives no scores.
        """
        if self.scores is None or self._tail is None:
            raise UserError(NO_SCORES)
        return self._tail.confidence(self.scores, self._temperature)

    def look(self) -> np.ndarray:
        """
        Return how the picture looks to the network: :func:`effvit_ros.core.view.look`.

        :raises UserError: the bundle gives no scores.
        """
        if self.scores is None:
            raise UserError(NO_SCORES)
        return look(self.scores, self._pixels, self._temperature)


class Answer(NamedTuple):
    """
    What the graph said of one picture.

    ``output``: scores, or labels of formats 1 and 2; ``pixels``: the graph's input; ``size``: the
    picture's, (height, width).
    """

    output: np.ndarray
    pixels: np.ndarray
    size: Tuple[int, int]
    prepare_ms: float
    infer_ms: float


class Segmenter:
    """
    A bundle loaded into a runtime.

    The aspect ratio is handled by stretching: the whole picture is resized to the network's
    input whatever its shape, as in training (which jitters the aspect ratio), so that every
    pixel counts and none is padding. Labels are made from the scores at the picture's own size
    (:mod:`~effvit_ros.core.tail`), or enlarged where the bundle gives labels.

    Used from one thread, the one that made it; but answers may be labelled on one other thread
    (:meth:`ask`, :meth:`label`). ``passed_over`` tells why ``auto`` did not take
    a faster runtime.
    """

    def __init__(self, bundle: Bundle, runtime: str = 'auto', threads: int = 0,
                 policy: EnginePolicy = EnginePolicy()) -> None:
        """
        Load ``bundle`` into ``runtime`` (``auto`` or a name) and run it once to warm up.

        :param policy: what a GPU runtime may do about a missing engine.
        :raises UserError: the runtime is unknown or missing, the graph does not fit the manifest.
        """
        self.bundle = bundle
        self.runtime, self.passed_over = open_runtime(bundle, runtime, threads, policy)
        self._tail: Optional[Tail] = None
        self._labels = np.empty((0, 0), np.uint8)
        try:
            self._warm_up()
        except BaseException:
            self.close()
            raise

    def segment(self, image: np.ndarray, order: str = 'bgr') -> Segmentation:
        """
        Return the picture's labels, and its confidence where asked for.

        :param image: uint8, (H, W, 3), (H, W, 4) or, for ``mono``, (H, W); any row stride.
        :param order: one of :data:`ORDERS`.
        :raises ValueError: when the array is not such a picture, or the scores are not finite.
        """
        return self.label(self._infer(image, order))

    def ask(self, image: np.ndarray, order: str = 'bgr') -> Answer:
        """
        Run the graph on a picture, as :meth:`segment` does, and make no labels yet.

        The answer may be labelled while the next picture is asked about, on another thread; it is
        valid until the call after the next.
        """
        found = self._infer(image, order)
        self._kept.reverse()
        for kept, array in zip(self._kept[0], (found.output, found.pixels)):
            np.copyto(kept, array)
        output, pixels = self._kept[0]
        return found._replace(output=output, pixels=pixels)

    def label(self, answer: Answer) -> Segmentation:
        """Return what an answer says of its picture; on one thread at a time."""
        start = time.perf_counter()
        scores = answer.output if self.bundle.gives_scores else None
        labels = self._enlarge(answer.output, answer.size) if scores is None else \
            self._tail_for(scores.shape[1:], answer.size).labels(scores)
        timings = Timings(answer.prepare_ms, answer.infer_ms, (time.perf_counter() - start) * 1e3)
        pixels = answer.pixels
        return Segmentation(labels, scores, timings, self._tail, self.bundle.temperature,
                            pixels if self.bundle.channel_order == 'rgb' else pixels[..., ::-1])

    def _infer(self, image: np.ndarray, order: str) -> Answer:
        start = time.perf_counter()
        self._prepare(image, order)
        prepared = time.perf_counter()
        output = self.runtime.infer()
        inferred = time.perf_counter()
        if self.bundle.gives_scores and not np.isfinite(output.sum()):
            raise ValueError(f'{self.runtime.description} gave scores that are no numbers: this '
                             'precision overflows on this picture: take another graph or runtime')
        return Answer(output, self.runtime.input, image.shape[:2], (prepared - start) * 1e3,
                      (inferred - prepared) * 1e3)

    def _tail_for(self, grid: Tuple[int, ...], size: Tuple[int, int]) -> Tail:
        if self._tail is None or (self._tail.grid, self._tail.size) != (grid, size):
            self._tail = Tail(grid, size)
        return self._tail

    def _enlarge(self, labels: np.ndarray, size: Tuple[int, int]) -> np.ndarray:
        if labels.shape == size:
            return labels
        if self._labels.shape != size:
            self._labels = np.empty(size, np.uint8)
        return nearest(labels, size[::-1], self._labels)

    def close(self) -> None:
        """Release the runtime; a second call does nothing."""
        self.runtime.close()

    def __enter__(self) -> Segmenter:
        """Return itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    def _prepare(self, image: np.ndarray, order: str) -> None:
        if order not in ORDERS:
            raise ValueError(f"order is '{order}': give one of {', '.join(ORDERS)}")
        channels = {'mono': 1}.get(order, len(order))
        found = 1 if image.ndim == 2 else image.shape[-1]
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or found != channels:
            raise ValueError(
                f'a {order} picture must be uint8 with {channels} channels, '
                f'not {image.dtype} {image.shape}')
        if 0 in image.shape:
            raise ValueError(f'the picture is empty: {image.shape}')
        if image.shape[:2] == (1, 1):
            image = _four_times(image)
        target = self.runtime.input
        height, width = target.shape[:2]
        wanted = self.bundle.channel_order
        direct = order == wanted
        # Halving by averages first avoids aliasing and costs a tenth of INTER_AREA in one go.
        while image.shape[0] >= 2 * height and image.shape[1] >= 2 * width:
            half = image.shape[1] // 2, image.shape[0] // 2
            image = cv2.resize(image, half, interpolation=cv2.INTER_AREA)
        small = cv2.resize(image, (width, height), dst=target if direct else None,
                           interpolation=cv2.INTER_LINEAR)
        if not direct:
            source = 'gray' if order == 'mono' else order
            code = getattr(cv2, f'COLOR_{source.upper()}2{wanted.upper()}')
            cv2.cvtColor(small, code, dst=target)

    def _warm_up(self) -> None:
        noise = np.random.default_rng(0).integers(0, 256, self.runtime.input.shape, np.uint8)
        self.runtime.input[...] = noise
        output = self.runtime.infer()
        #: Copies of two answers: the one that is labelled, the one that is being asked for.
        self._kept = [(np.empty_like(output), np.empty_like(noise)) for _ in range(2)]
        highest = 0 if self.bundle.gives_scores else int(output.max())
        if highest >= len(self.bundle.classes):
            raise BundleError(
                f'{self.bundle.path}: the graph returned class {highest}, but the manifest '
                f'lists {len(self.bundle.classes)} classes: use the class list of its export')


def _four_times(pixel: np.ndarray) -> np.ndarray:
    """Return a picture of one pixel as one of 2x2: OpenCV 4.5.4 takes no (1, 1, 3)."""
    return np.repeat(np.repeat(pixel, 2, axis=0), 2, axis=1)
