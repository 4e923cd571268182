"""How readily each class is called: which offsets are found, and where they end up."""
from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build
from effvit_compression.models.store import load_model, save_model
from effvit_compression.recipe import Offsets
from effvit_compression.stages import offsets
from effvit_compression.stages.offsets import JudgedSet, settle, worth

LAND, WATER = 0, 1
NAMES = ('land', 'water')
AS_IT_IS = np.arange(256, dtype=np.uint8)


def judged(lead, truth, names=NAMES):
    """Return a set of one picture, a row of pixels: by how much water leads, and the truth."""
    scores = np.zeros((2, 1, len(lead)), np.float16)
    scores[WATER, 0] = lead
    return JudgedSet(AS_IT_IS, names, [(scores, np.array([truth], np.uint8))])


#: Two of four land pixels are called water, by 0.1 and 0.4; water is called by 2 or more.
READY = judged([-2, -2, 0.1, 0.4, 2, 3], [LAND] * 4 + [WATER] * 2)
#: The fifth of its water pixels is called so by 0.2 alone.
DOUBTFUL = judged([-2, 0.2, 2, 2, 2, 2], [LAND] + [WATER] * 5)


@pytest.mark.parametrize('sets, settings, lead', [
    pytest.param([READY], {}, -0.5, id='what is called too readily'),
    pytest.param([READY], {'most': 0.25}, -0.5, id='no class further than it may'),
    pytest.param([READY], {'kept': NAMES}, 0.0, id='they are to stay'),
    pytest.param([READY], {'step': 2.0}, 0.0, id='a step that is too long'),
    pytest.param([READY, DOUBTFUL], {'most_lost': 0.5, 'step': 0.5}, -0.5, id='the mean of two'),
    pytest.param([READY, DOUBTFUL], {'step': 0.5}, 0.0, id='one set would pay'),
    pytest.param([judged([-2, 2], [LAND, WATER])], {}, 0.0, id='all is right'),
])
def test_offsets(sets, settings, lead):
    found = settle(sets, NAMES, Offsets(**settings))
    assert found.dtype == np.float32
    assert found[WATER] - found[LAND] == pytest.approx(lead)


def test_what_false_alarms_cost():
    # Land: 2 of 4 right, IoU 1/2. Water: 2 right of 4 called, IoU 1/2. False on half of the land.
    nothing = np.zeros(2, np.float32)
    assert worth([READY], nothing, {}) == pytest.approx([0.5])
    assert worth([READY], nothing, {'water': 0.2}) == pytest.approx([0.4])


def test_a_class_that_no_set_tells_apart_stays():
    found = settle([judged([0.1, 2], [LAND, WATER], names=('water', 'rest'))], NAMES, Offsets())
    assert found[LAND] == 0


def test_a_class_that_no_truth_holds_stays():
    """It would take water's false alarms on itself, and cost nothing."""
    scores = np.zeros((3, 1, 4), np.float16)
    scores[WATER, 0], scores[2, 0] = [-2, 0.2, 2, 2], [-9, 0.1, -9, -9]
    truth = np.array([[LAND, LAND, WATER, WATER]], np.uint8)
    names = (*NAMES, 'ice')
    found = settle([JudgedSet(AS_IT_IS, names, [(scores, truth)])], names,
                   Offsets(step=0.125, most=0.125))
    assert found[2] == 0


def test_they_are_a_part_of_the_last_bias(tmp_path, monkeypatch):
    net = build(Architecture(encoder='tf_efficientnet_lite0', decoder_channels=8))
    names = net.architecture.classes.names
    save_model(net, tmp_path / 'distill')
    monkeypatch.setattr(offsets, 'judged', lambda run, network, source: source.judged)
    monkeypatch.setattr(offsets, 'figures', lambda run, network: {})
    lines = []
    water = names.index('flood/water/river/sea')
    scores = np.full((len(names), 1, 6), -9, np.float16)
    scores[names.index('background')], scores[water, 0] = 0, [-2, -2, 0.1, 0.4, 2, 3]
    truth = np.array([[names.index('background')] * 4 + [water] * 2], np.uint8)
    source = SimpleNamespace(flight=None, judged=JudgedSet(AS_IT_IS, names, [(scores, truth)]))
    run = SimpleNamespace(
        recipe=SimpleNamespace(class_set=net.architecture.classes, data=[source],
                               offsets=Offsets(most=0.5)),
        student='distill', place=lambda stage: tmp_path / stage, say=lines.append)
    found = offsets.run(run, tmp_path / 'offsets')
    moved = (load_model(tmp_path / 'offsets').head.bias - net.head.bias).detach()
    assert found['offsets'] == {name: pytest.approx(value)
                                for name, value in zip(names, moved.tolist()) if value}
    assert torch.count_nonzero(moved) and 'offsets: ' in lines[0]
    assert moved[water] < moved[names.index('background')]
