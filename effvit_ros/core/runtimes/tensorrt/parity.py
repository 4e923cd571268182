"""The check that an engine labels pictures as the bundle's FP32 graph does."""
from __future__ import annotations

import importlib.util
from typing import NamedTuple, Protocol, Sequence, Tuple

import cv2
import numpy as np

from effvit_ros.core.bundle import Bundle
from effvit_ros.core.runtimes.tensorrt.store import EngineError
from effvit_ros.core.tail import argmax

#: Share of a picture's pixels that may always be labelled differently.
FREE_FLIPS = 0.01
#: FP32 score by which the graph may always have preferred its own label for them.
FREE_MARGIN = 0.1
#: Flips happen where two classes are nearly tied; this share of them must keep the margin.
MARGIN_QUANTILE = 0.99
#: An engine may do this many times what invisible noise in the picture does to the graph.
NOISE_FACTOR = 2.0


class _Runs(Protocol):
    """What runs an engine, or a graph."""

    @property
    def input(self) -> np.ndarray:
        """Return the pixels that :meth:`infer` works on, (H, W, 3) uint8, to be filled."""

    def infer(self) -> np.ndarray:
        """Return scores or labels; see :meth:`Runtime.infer`."""


class Parity(NamedTuple):
    """
    How far an engine's labels are from the graph's.

    ``agreement``: share of equal labels in the worst picture. ``margin``: what 99 % of the
    differing pixels of any picture stay under, as the difference of the graph's FP32 scores
    of both labels. ``sound``: whether both are what rounding explains: some pictures have
    regions that are nearly tied, where one grey level of noise flips as many labels.
    """

    pictures: int
    agreement: float
    margin: float
    sound: bool


def parity_available() -> bool:
    """Return whether what the check needs besides the engine is installed."""
    return all(importlib.util.find_spec(name) for name in ('onnx', 'onnxruntime'))


def measure_parity(bundle: Bundle, runtime: _Runs, pictures: Sequence[np.ndarray]) -> Parity:
    """
    Compare ``runtime`` with the bundle's FP32 graph on ONNX Runtime.

    :param runtime: anything with ``input`` and ``infer()`` as a
        :class:`~effvit_ros.core.runtimes.Runtime`.
    :param pictures: arrays (H, W, 3) uint8 in the bundle's channel order.
    :raises EngineError: onnx or onnxruntime is not installed.
    """
    reference, rng = _ScoringGraph(bundle), np.random.default_rng(0)
    flips, margins, sound = [], [], True
    for picture in pictures:
        pixels = cv2.resize(picture, (bundle.width, bundle.height), interpolation=cv2.INTER_AREA)
        runtime.input[...] = pixels
        scores = reference.scores(pixels)
        answer = runtime.infer()
        share, margin = _difference(scores, argmax(answer) if bundle.gives_scores else answer)
        if share > FREE_FLIPS or margin > FREE_MARGIN:
            noisy = reference.scores(_with_invisible_noise(pixels, rng)).argmax(0)
            noise_share, noise_margin = _difference(scores, noisy)
            sound = (sound and share <= max(FREE_FLIPS, NOISE_FACTOR * noise_share)
                     and margin <= max(FREE_MARGIN, NOISE_FACTOR * noise_margin))
        flips.append(share)
        margins.append(margin)
    return Parity(len(pictures), 1.0 - max(flips), max(margins), sound)


def _difference(scores: np.ndarray, labels: np.ndarray) -> Tuple[float, float]:
    """
    Return the share of differing labels, and the score by which 99 % of those miss at most.

    :param scores: (classes, H, W) float32 of the graph.
    :param labels: (H, W) class ids of something else.
    """
    theirs, ours = labels.astype(np.int64), scores.argmax(0)
    flipped = ours != theirs
    if not flipped.any():
        return 0.0, 0.0
    # A class that the graph does not know has no score: no margin excuses it.
    known = np.minimum(theirs, len(scores) - 1)
    lost = (np.take_along_axis(scores, ours[None], 0)
            - np.take_along_axis(scores, known[None], 0))[0]
    lost = np.sort(np.where(theirs < len(scores), lost, np.inf)[flipped])
    # The margin of one of the pixels, not a mean of two: one of them may be infinite.
    return float(flipped.mean()), float(lost[int(MARGIN_QUANTILE * (len(lost) - 1))])


def _with_invisible_noise(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the picture with every fifteenth value one grey level higher or lower."""
    where = rng.random(pixels.shape) < 1 / 15
    change = np.where(where, rng.choice((-1, 1), pixels.shape), 0)
    return np.clip(pixels.astype(np.int16) + change, 0, 255).astype(np.uint8)


def require_parity(parity: Parity, what: str) -> None:
    """
    Refuse an engine that labels differently.

    :raises EngineError: more differs than rounding explains.
    """
    if parity.sound:
        return
    raise EngineError(
        f'{what} is refused: {parity.agreement:.2%} of the worst picture labelled as the FP32 '
        f'graph does, {MARGIN_QUANTILE:.0%} of the rest by a margin of up to {parity.margin:.3f}, '
        'which is more than rounding explains: FP16 overflows or loses digits; export the '
        'bundle with more operators in FP32')


class _ScoringGraph:
    """The FP32 graph's scores; those before its argmax where it gives labels."""

    def __init__(self, bundle: Bundle) -> None:
        try:
            import onnx
            import onnxruntime
        except ImportError as error:
            raise EngineError(
                f'the check needs onnx and onnxruntime ({error}): '
                'pip install onnx onnxruntime') from None
        graph = bundle.graph('fp32')
        model = onnx.load_from_string(graph.read())
        self._class_axis, self._scores = 1, model.graph.output[0].name
        if not bundle.gives_scores:
            decisions = [n for n in model.graph.node if n.op_type == 'ArgMax']
            if len(decisions) != 1:
                raise EngineError(
                    f'{graph.path}: {len(decisions)} ArgMax in it: the check needs one')
            axis = next((a.i for a in decisions[0].attribute if a.name == 'axis'), 0)
            self._class_axis, self._scores = axis % 4, decisions[0].input[0]
            model.graph.output.append(onnx.ValueInfoProto(name=self._scores))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=['CPUExecutionProvider'])
        self._input = self._session.get_inputs()[0].name

    def scores(self, pixels: np.ndarray) -> np.ndarray:
        """Return (classes, rows, columns) float32, on the grid that labels are compared on."""
        scores = self._session.run([self._scores], {self._input: pixels[None]})[0]
        return np.moveaxis(scores, self._class_axis, 1)[0]
