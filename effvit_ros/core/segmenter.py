"""A picture of any size in, a label map of that size out."""
from __future__ import annotations

import time
from dataclasses import dataclass

import cv2
import numpy as np

from effvit_ros.core.bundle import BundleError
from effvit_ros.core.resize import nearest
from effvit_ros.core.runtimes import open_runtime
from effvit_ros.core.runtimes.policy import EnginePolicy

#: Channel orders of pictures that :meth:`Segmenter.segment` takes.
ORDERS = ('bgr', 'rgb', 'bgra', 'rgba', 'mono')


@dataclass(frozen=True)
class Timings:
    """Wall time of each step of one picture, in milliseconds."""

    prepare_ms: float
    infer_ms: float
    restore_ms: float

    @property
    def total_ms(self):
        """Return the sum of the steps."""
        return self.prepare_ms + self.infer_ms + self.restore_ms


@dataclass(frozen=True)
class Segmentation:
    """
    What one picture gave.

    ``labels`` is (H, W) uint8 of the picture's size, ``model_labels`` the map as the network
    made it; both are valid until the segmenter's next call.
    """

    labels: np.ndarray
    model_labels: np.ndarray
    timings: Timings


class Segmenter:
    """
    A bundle loaded into a runtime.

    The aspect ratio is handled by stretching: the whole picture is resized to the network's
    input whatever its shape, as in training (which jitters the aspect ratio), so that every
    pixel counts and none is padding. Labels return to the picture's size by nearest neighbour.

    Used from one thread, the one that made it. ``passed_over`` tells why ``auto`` did not take
    a faster runtime.
    """

    def __init__(self, bundle, runtime='auto', threads=0, policy=EnginePolicy()):
        """
        Load ``bundle`` into ``runtime`` (``auto`` or a name) and run it once to warm up.

        :param policy: what a GPU runtime may do about a missing engine.
        :raises UserError: the runtime is unknown or missing, the graph does not fit the manifest.
        """
        self.bundle = bundle
        self.runtime, self.passed_over = open_runtime(bundle, runtime, threads, policy)
        #: Wall time of the last :meth:`infer`'s two steps, in milliseconds.
        self.prepare_ms = self.infer_ms = 0.0
        self._labels = np.empty((0, 0), np.uint8)
        try:
            self._warm_up()
        except BaseException:
            self.close()
            raise

    def infer(self, image, order='bgr'):
        """
        Return the network's own label map, (input height, input width) uint8.

        Class areas can be counted on it as they are: stretching keeps shares.

        :param image: uint8, (H, W, 3), (H, W, 4) or, for ``mono``, (H, W); any row stride.
        :param order: one of :data:`ORDERS`.
        :raises ValueError: when the array is not such a picture.
        """
        start = time.perf_counter()
        self._prepare(image, order)
        prepared = time.perf_counter()
        model_labels = self.runtime.infer()
        self.prepare_ms = (prepared - start) * 1e3
        self.infer_ms = (time.perf_counter() - prepared) * 1e3
        return model_labels

    def segment(self, image, order='bgr') -> Segmentation:
        """Return the picture's label map with the time of each step; see :meth:`infer`."""
        model_labels = self.infer(image, order)
        inferred = time.perf_counter()
        labels = self.restore(model_labels, image.shape[0], image.shape[1])
        restore_ms = (time.perf_counter() - inferred) * 1e3
        return Segmentation(
            labels, model_labels, Timings(self.prepare_ms, self.infer_ms, restore_ms))

    def restore(self, model_labels, height, width):
        """Return ``model_labels`` at the picture's size, (height, width) uint8, by nearest."""
        if model_labels.shape == (height, width):
            return model_labels
        if self._labels.shape != (height, width):
            self._labels = np.empty((height, width), np.uint8)
        return nearest(model_labels, (width, height), dst=self._labels)

    def close(self):
        """Release the runtime; a second call does nothing."""
        self.runtime.close()

    def __enter__(self):
        """Return itself."""
        return self

    def __exit__(self, *exception):
        """Close."""
        self.close()

    def _prepare(self, image, order):
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

    def _warm_up(self):
        noise = np.random.default_rng(0).integers(0, 256, self.runtime.input.shape, np.uint8)
        self.runtime.input[...] = noise
        highest = int(self.runtime.infer().max())
        if highest >= len(self.bundle.classes):
            raise BundleError(
                f'{self.bundle.path}: the graph returned class {highest}, but the manifest '
                f'lists {len(self.bundle.classes)} classes: use the class list of its export')


def _four_times(pixel):
    """Return a picture of one pixel as one of 2x2: OpenCV 4.5.4 takes no (1, 1, 3)."""
    return np.repeat(np.repeat(pixel, 2, axis=0), 2, axis=1)
