"""Weights between those before and after a training: which are tried, which are kept."""
from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build
from effvit_compression.models.store import load_model, save_model
from effvit_compression.recipe import Averaging
from effvit_compression.stages import average
from effvit_compression.stages.average import between
from effvit_ros.core.classes import ClassSet
from effvit_ros.core.errors import UserError

SMALL = Architecture(encoder='tf_efficientnet_lite0', decoder_channels=8)


def filled(value, count=5):
    """Return a network whose every weight is a value, after so many batches."""
    net = build(SMALL)
    net.load_state_dict({
        name: torch.full_like(tensor, value if tensor.is_floating_point() else count)
        for name, tensor in net.state_dict().items()})
    return net


@pytest.mark.parametrize('share, expected', [
    pytest.param(0.0, 2.0, id='as learnt'),
    pytest.param(0.25, 2.5, id='a quarter of the way back from 2 to 4'),
    pytest.param(0.5, 3.0, id='half-way'),
])
def test_weights_lie_between(share, expected):
    found = between(filled(4.0, count=1), filled(2.0), share).state_dict()
    floats = [tensor for tensor in found.values() if tensor.is_floating_point()]
    counts = [tensor for tensor in found.values() if not tensor.is_floating_point()]
    assert all(torch.allclose(tensor, torch.tensor(expected)) for tensor in floats)
    assert counts and all((tensor == 5).all() for tensor in counts)


def test_what_a_manifest_says_of_its_classes_besides_their_names_does_not_matter():
    classes = ClassSet('older', tuple(replace(c, rare=False) for c in SMALL.classes.classes))
    older = build(SMALL.model_copy(update={'classes': classes}))
    assert between(older, filled(1.0), 0.5).architecture == SMALL


def test_another_architecture_is_refused():
    other = build(SMALL.model_copy(update={'decoder_channels': 16}))
    with pytest.raises(UserError, match='average: the first weights are of another architecture'):
        between(other, filled(1.0), 0.5)


def test_the_best_on_photographs_is_kept_and_nothing_is_scored_twice(tmp_path, monkeypatch):
    """Share 0.5 is the best on the photographs, share 0 on those and the flight together."""
    scores = {0.0: {'real': 0.5, 'other': 0.5, 'flight': 0.9},
              0.5: {'real': 0.6, 'other': 0.5, 'flight': 0.1}}
    asked = []

    def figures(run, net):
        share = next(net.parameters()).flatten()[0].item() - 1  # 1 learnt, 2 before
        asked.append(share)
        return {'scores': {name: {'miou': miou} for name, miou in scores[share].items()}}
    monkeypatch.setattr(average, 'figures', figures)
    save_model(filled(2.0), tmp_path / 'before')
    save_model(filled(1.0), tmp_path / 'distill')
    run = SimpleNamespace(
        recipe=SimpleNamespace(
            average=Averaging(shares=[0.0, 0.5]),
            pretrained=SimpleNamespace(model=tmp_path / 'before'),
            data=[SimpleNamespace(name=name, flight=name == 'flight' or None)
                  for name in ('real', 'other', 'flight')]),
        student='distill', place=lambda stage: tmp_path / stage, say=lambda line: None,
        description=lambda source: source)
    for _ in range(2):
        found = average.run(run, tmp_path / 'average')
    assert found['share'] == 0.5
    assert found['tried'] == {'0': pytest.approx(0.5), '0.5': pytest.approx(0.55)}
    assert asked == [0.0, 0.5]
    kept = next(load_model(tmp_path / 'average').parameters())
    assert kept.flatten()[0].item() == 1.5
