"""Pruning: what goes is what matters least, shapes shrink, answers equal the masked network's."""
from __future__ import annotations

import copy

import pytest
import torch

from effvit_compression.models.architecture import Architecture
from effvit_compression.models.cost import gmacs, heads, parameters
from effvit_compression.models.factory import build
from effvit_compression.models.shapes import blocks
from effvit_compression.models.store import load_model, save_model
from effvit_compression.pruning.importance import head_importance, importance
from effvit_compression.pruning.settings import PruningSettings
from effvit_compression.pruning.surgery import choose, cut, mask
from effvit_ros.core.errors import UserError


@pytest.fixture(scope='module')
def whole():
    """Return a small untrained network; not to be changed."""
    torch.manual_seed(0)
    return build(Architecture(encoder='mobilevit_xxs', decoder_channels=8)).eval()


@pytest.fixture
def net(whole):
    """Return a copy of it."""
    return copy.deepcopy(whole)


@pytest.mark.parametrize('measure, expected', [
    pytest.param('l1', [7, 5, 1], id='l1'),
    pytest.param('l2', [5, 5, 1], id='l2'),
    # Squares 25, 25, 1; sums from each up: 50 or 25 for the tied, 51 for the smallest.
    pytest.param('lamp', [0.5, 1, 1 / 51], id='lamp'),
])
def test_importance_by_hand(measure, expected):
    groups = torch.tensor([[3.0, -4.0], [5.0, 0.0], [0.0, 1.0]])
    assert importance(groups, measure).tolist() == pytest.approx(expected)


def test_the_importance_of_a_head_counts_its_own_weights_alone(net):
    attention, _ = next(iter(blocks(net).values()))
    with torch.no_grad():
        attention.qkv.weight.zero_()
        attention.proj.weight.zero_()
        width, dim = attention.head_dim, attention.attn_dim
        attention.qkv.weight[2 * dim + 3 * width, 0] = 2.0  # a value row of head 3
        attention.proj.weight[0, width] = 1.0               # a column of head 1
    assert head_importance(attention, 'l1').tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize('settings', [
    pytest.param(PruningSettings(heads=2), id='heads'),
    pytest.param(PruningSettings(heads=4, neurons=0.5), id='neurons'),
    pytest.param(PruningSettings(heads=1, neurons=0.3, importance='lamp'), id='both by LAMP'),
])
@torch.no_grad()
def test_pruned_equals_masked_and_is_smaller(whole, net, settings):
    kept = choose(net, settings)
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 255
    masked = mask(copy.deepcopy(net), kept)
    pruned = cut(net, kept)
    assert torch.allclose(pruned(image), masked(image), atol=1e-4)
    assert not torch.allclose(pruned(image), whole(image), atol=1e-4)
    assert heads(pruned) == [settings.heads] * 9
    assert parameters(pruned) < parameters(whole)
    assert gmacs(pruned, 64) < gmacs(whole, 64)


def test_shapes_shrink_where_they_should(whole, net):
    cut(net, choose(net, PruningSettings(heads=2, neurons=0.25)))
    for name, (attention, mlp) in blocks(net).items():
        before, hidden = blocks(whole)[name]
        assert attention.qkv.out_features == before.qkv.out_features // 2
        assert attention.proj.in_features == before.proj.in_features // 2
        assert mlp.fc1.out_features == mlp.fc2.in_features == hidden.fc1.out_features // 4


@torch.no_grad()
def test_a_pruned_network_is_stored_without_pickles_and_rebuilt(net, tmp_path):
    cut(net, choose(net, PruningSettings(heads=2, neurons=0.5)))
    save_model(net, tmp_path)
    image = torch.rand(1, 3, 64, 64) * 255
    assert load_model(tmp_path)(image).equal(net(image))


def test_pruning_twice_prunes_further(net):
    cut(net, choose(net, PruningSettings(heads=3)))
    cut(net, choose(net, PruningSettings(heads=2)))
    assert heads(net) == [2] * 9


@pytest.mark.parametrize('encoder, complaint', [
    pytest.param('mobilevit_xxs', 'heads is 5, but .* has 4', id='more heads than there are'),
    pytest.param('tf_efficientnet_lite0', 'has no transformer block', id='no transformer'),
])
def test_what_can_not_be_pruned_is_named(encoder, complaint):
    other = build(Architecture(encoder=encoder, decoder_channels=8))
    with pytest.raises(UserError, match=complaint):
        choose(other, PruningSettings(heads=5))
