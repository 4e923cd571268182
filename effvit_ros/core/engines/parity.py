"""The check that an engine labels pictures as the bundle's FP32 graph does."""
from __future__ import annotations

import importlib.util
from typing import NamedTuple

import cv2
import numpy as np

from effvit_ros.core.engines.store import EngineError

#: Share of equal labels that the worst picture must reach.
MIN_AGREEMENT = 0.99
#: FP32 score by which the graph may have preferred its own label, where the engine's differs.
MAX_MARGIN = 0.1
#: Flips happen where two classes are nearly tied; this share of them must keep the margin.
MARGIN_QUANTILE = 0.999


class Parity(NamedTuple):
    """
    How far an engine's labels are from the graph's.

    ``agreement``: share of equal labels in the worst picture. ``margin``: what 99.9 % of the
    differing pixels stay under, as the difference of the graph's FP32 scores of both labels.
    """

    pictures: int
    agreement: float
    margin: float


def parity_available():
    """Return whether what the check needs beside the engine is installed."""
    return all(importlib.util.find_spec(name) for name in ('onnx', 'onnxruntime'))


def measure_parity(bundle, runtime, pictures):
    """
    Compare ``runtime`` with the bundle's FP32 graph on ONNX Runtime.

    :param runtime: anything with ``input`` and ``infer()`` as a
        :class:`~effvit_ros.core.runtimes.Runtime`.
    :param pictures: arrays (H, W, 3) uint8 in the bundle's channel order.
    :raises EngineError: onnx or onnxruntime is not installed.
    """
    reference = _ScoringGraph(bundle)
    worst, margins = 1.0, []
    for picture in pictures:
        pixels = cv2.resize(picture, (bundle.width, bundle.height), interpolation=cv2.INTER_AREA)
        runtime.input[...] = pixels
        theirs = runtime.infer().astype(np.int64)  # (H, W)
        scores = reference.scores(pixels)  # (classes, H, W)
        ours = scores.argmax(0)
        flips = ours != theirs
        worst = min(worst, 1.0 - flips.mean())
        # A class that the graph does not know has no score: no margin excuses it.
        known = np.minimum(theirs, len(scores) - 1)
        lost = (np.take_along_axis(scores, ours[None], 0)
                - np.take_along_axis(scores, known[None], 0))[0]
        margins.append(np.where(theirs < len(scores), lost, np.inf)[flips])
    margins = np.concatenate(margins)
    # The margin of one of the pixels, not a mean of two: one of them may be infinite.
    margin = float(np.sort(margins)[int(MARGIN_QUANTILE * (len(margins) - 1))]) \
        if len(margins) else 0.0
    return Parity(len(pictures), float(worst), margin)


def require_parity(parity, what):
    """
    Refuse an engine that labels differently.

    :raises EngineError: the agreement is too low or the margin too high.
    """
    if parity.agreement >= MIN_AGREEMENT and parity.margin <= MAX_MARGIN:
        return
    raise EngineError(
        f'{what} is refused: {parity.agreement:.2%} of the worst picture labelled as the FP32 '
        f'graph does (at least {MIN_AGREEMENT:.0%} wanted), margin of the flips '
        f'{parity.margin:.3f} (at most {MAX_MARGIN}): FP16 overflows or loses digits; '
        'export the bundle with more operators in FP32')


class _ScoringGraph:
    """The FP32 graph with the scores before its argmax as an output."""

    def __init__(self, bundle):
        try:
            import onnx
            import onnxruntime
        except ImportError as error:
            raise EngineError(
                f'the check needs onnx and onnxruntime ({error}): '
                'pip install onnx onnxruntime') from None
        graph = bundle.graph('fp32')
        model = onnx.load(str(graph.path))
        decisions = [n for n in model.graph.node if n.op_type == 'ArgMax']
        if len(decisions) != 1:
            raise EngineError(f'{graph.path}: {len(decisions)} ArgMax in it: the check needs one')
        axis = next((a.i for a in decisions[0].attribute if a.name == 'axis'), 0)
        self._class_axis = axis % 4
        self._scores = decisions[0].input[0]
        model.graph.output.append(onnx.ValueInfoProto(name=self._scores))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=['CPUExecutionProvider'])
        self._input = self._session.get_inputs()[0].name

    def scores(self, pixels):
        """Return (classes, H, W) float32."""
        scores = self._session.run([self._scores], {self._input: pixels[None]})[0]
        return np.moveaxis(scores, self._class_axis, 1)[0]
