"""The paper's recipe: a Swin teaches MobileViT-s, on tiny pictures and for two iterations."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch

from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build
from effvit_compression.models.frozen import Frozen
from effvit_compression.pipeline import carry_out, Run
from effvit_compression.recipe import load_recipe
from effvit_compression.stages import baseline, data, distill, finetune, prune, teacher

pytestmark = pytest.mark.long  # Swin-T takes a while to build and trace

PAPER = Path(__file__).parents[2] / 'config' / 'recipes' / 'paper.yaml'
TINY = [f'{section}.training.{setting}' for section in ('teacher', 'distill', 'finetune')
        for setting in ('iterations=2', 'batch=2', 'sizes=[[64, 1.0]]', 'warmup=1')]


@pytest.mark.parametrize('shape', [
    pytest.param((64, 64), id='square'),
    pytest.param((96, 160), id='no multiple of the window'),
])
def test_a_swin_takes_pictures_of_other_sizes_than_it_was_made_for(swin, shape):
    net, frozen = swin
    picture = torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(0)) * 255
    with torch.no_grad():
        maps, scores = net.features(picture)
    strides = [shape[0] // m.shape[2] for m in maps]
    assert strides == [1, 2, 4, 8, 16, 32] and scores.shape[2:] == maps[2].shape[2:]
    assert [m.shape[1] for m in maps] == net.encoder.out_channels
    assert torch.allclose(frozen.features(picture)[1], scores, atol=1e-3)


@pytest.fixture(scope='module')
def swin():
    """Return a Swin as the recipe has it, and the same frozen."""
    torch.manual_seed(0)
    net = build(Architecture(encoder='swin_tiny_patch4_window7_224', decoder_channels=16)).eval()
    return net, Frozen(net)


def test_the_swin_trains_and_its_maps_and_labels_are_learnt_from(dataset, tmp_path):
    recipe = load_recipe(PAPER, [
        *TINY, 'size=64', f'data=[{{dataset: {dataset}}}]', 'baseline=null', 'rare={}',
        'teacher.pretrained.source=none', 'pretrained.source=none', 'teacher.minimum_miou=0'])
    run = Run(recipe, tmp_path / 'out', say=lambda line: None)
    carry_out(run, (data, teacher, baseline, distill, prune, finetune))
    assert run.results['teacher']['parameters'] > 27e6  # Swin-T
    assert run.results['distill']['parameters'] == pytest.approx(5.58e6, rel=0.01)
    assert run.results['prune']['heads'] == [2] * 9
    assert run.results['finetune']['parameters'] < run.results['distill']['parameters']
