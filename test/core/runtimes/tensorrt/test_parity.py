"""The check of an engine: what rounding explains passes, what it does not is refused."""
from __future__ import annotations

import numpy as np
import pytest

from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.runtimes import open_runtime
from effvit_ros.core.runtimes.tensorrt.parity import (
    _difference,
    measure_parity,
    Parity,
    require_parity,
)
from effvit_ros.core.runtimes.tensorrt.sample_pictures import sample_pictures
from effvit_ros.core.runtimes.tensorrt.store import EngineError


@pytest.mark.parametrize('labels, share, margin', [
    pytest.param([[0, 1, 0, 1]], 0.0, 0.0, id='equal'),
    pytest.param([[0, 1, 0, 0]], 0.25, 0.5, id='one-near-tie'),
    pytest.param([[1, 1, 0, 0]], 0.5, 0.5, id='the-worst-hundredth-is-left-out'),
    pytest.param([[0, 1, 0, 2]], 0.25, np.inf, id='a-class-that-does-not-exist'),
])
def test_differences_by_hand(labels, share, margin):
    # Scores of classes 0 and 1 for four pixels: 0 wins by 3, 1 by 9, 0 by 1, 1 by 0.5.
    scores = np.array([[[3, 0, 1, 0]], [[0, 9, 0, .5]]], np.float32)
    assert _difference(scores, np.array(labels, np.uint8)) == (share, margin)


class Spoilt:
    """A runtime whose labels are changed by a function."""

    def __init__(self, runtime, change):
        self._runtime, self._change = runtime, change
        self.input = runtime.input

    def infer(self):
        return self._change(self._runtime.infer().copy())


def flip_a_corner(labels):
    labels[:20, :20] = (labels[:20, :20] + 1) % 3
    return labels


@pytest.mark.parametrize('change, sound', [
    pytest.param(lambda labels: labels, True, id='the-same'),
    pytest.param(flip_a_corner, False, id='a-wrong-corner'),
    pytest.param(np.zeros_like, False, id='all-zero'),
    pytest.param(lambda labels: labels + 3, False, id='unknown-classes'),
])
def test_engines(change, sound, bundle_folder):
    bundle = load_bundle(bundle_folder)
    runtime, _ = open_runtime(bundle, 'onnxruntime')
    parity = measure_parity(bundle, Spoilt(runtime, change), sample_pictures(bundle))
    runtime.close()
    assert parity.sound == sound
    assert (parity.agreement == 1.0) == sound


def test_a_refusal_tells_the_figures():
    with pytest.raises(EngineError, match='the engine is refused: 91.23% of the worst picture .*'
                       'margin of up to 1.500, which is more than rounding explains'):
        require_parity(Parity(4, 0.9123, 1.5, False), 'the engine')
    require_parity(Parity(4, 0.9866, 0.39, True), 'the engine')
