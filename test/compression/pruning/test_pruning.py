"""Pruning: what goes is what matters least, shapes shrink, answers equal the masked network's."""
from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from effvit_compression.export.graph import export_graph
from effvit_compression.export.parity import parity
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.cost import gmacs, heads, parameters
from effvit_compression.models.factory import build
from effvit_compression.models.low_rank import factorised, LowRank
from effvit_compression.models.shapes import blocks
from effvit_compression.models.store import load_model, save_model
from effvit_compression.profiling.components import profile_network
from effvit_compression.pruning.importance import head_importance, importance
from effvit_compression.pruning.scope import by_layer, globally
from effvit_compression.pruning.settings import PruningSettings
from effvit_compression.pruning.surgery import budgets, choose, cut, factorise
from effvit_ros.core.errors import UserError


@torch.no_grad()
def mask(net, kept):
    """Zero what :func:`cut` would remove, in place: the same answers in the old shapes."""
    for name, (attention, mlp) in blocks(net).items():
        gone = torch.ones(attention.num_heads, dtype=torch.bool)
        gone[kept[name].heads] = False
        attention.proj.weight[:, gone.repeat_interleave(attention.head_dim)] = 0
        gone = torch.ones(mlp.fc1.out_features, dtype=torch.bool)
        gone[kept[name].neurons] = False
        mlp.fc2.weight[:, gone] = 0
    return net


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


@pytest.mark.parametrize('scope, counts, expected', [
    pytest.param(by_layer, [2, 2], [[0, 2], [1, 2]], id='layer'),
    # 5 and 9 are their layers' best; then 8 and 7, both of the second layer.
    pytest.param(globally, [2, 2], [[0], [0, 1, 2]], id='global takes where it hurts least'),
    pytest.param(globally, [1, 1], [[0], [1]], id='global leaves every layer its best'),
    pytest.param(globally, [3, 3], [[0, 1, 2], [0, 1, 2]], id='global may keep all'),
    pytest.param(globally, [3, 2], [[0, 2], [0, 1, 2]], id='global counts the sum alone'),
])
def test_scope_by_hand(scope, counts, expected):
    # As multiples of their means, 8/3 and 8: 1.875, 0.375, 0.75 and 0.875, 1.125, 1.
    scores = [torch.tensor([5.0, 1.0, 2.0]), torch.tensor([7.0, 9.0, 8.0])]
    assert [kept.tolist() for kept in scope(scores, counts)] == expected


@pytest.mark.parametrize('scores, expected', [
    pytest.param([[10.0, 20, 30, 40], [1.0, 2, 3, 4]], [[2, 3], [2, 3]], id='width is no merit'),
    pytest.param([[4.0, 4, 4, 4], [13.0, 1, 1, 1]], [[0, 1, 2], [0]], id='where it hurts least'),
    pytest.param([[4.0, 4, 4, 4], [0.0, 0, 0, 0]], [[0, 1, 2], [0]], id='a dead layer'),
])
def test_a_global_ranking_compares_with_the_layers_mean_and_leaves_half_an_equal_share(
        scores, expected):
    found = globally([torch.tensor(layer) for layer in scores], [2, 2])
    assert [kept.tolist() for kept in found] == expected


def test_equal_scores_keep_the_first():
    assert globally([torch.ones(4), torch.ones(4)], [2, 2])[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize('measure', ['l1', 'l2', 'lamp'])
def test_a_layer_of_larger_weights_keeps_no_more_heads_of_a_global_ranking(net, measure):
    settings = PruningSettings(heads=2, scope='global', importance=measure)
    before = [kept.heads.tolist() for kept in choose(net, settings).values()]
    attention, _ = list(blocks(net).values())[-1]
    with torch.no_grad():
        attention.qkv.weight.mul_(10)
        attention.proj.weight.mul_(10)
    after = [kept.heads.tolist() for kept in choose(net, settings).values()]
    assert after == before and sum(map(len, after)) == 18


def test_global_pruning_is_stored_with_a_shape_for_each_block(net, tmp_path):
    cut(net, choose(net, PruningSettings(heads=2, neurons=0.5, scope='global')))
    save_model(net, tmp_path)
    assert sum(heads(load_model(tmp_path))) == 18 and len(set(heads(net))) > 1


@pytest.mark.parametrize('part, expected', [
    pytest.param(1 / 3, (3, 107), id='first of three steps'),
    pytest.param(2 / 3, (3, 85), id='second'),
    pytest.param(1, (2, 64), id='last'),
])
def test_steps_cut_part_of_the_way(net, part, expected):
    settings = PruningSettings(heads=2, neurons=0.5)
    assert next(iter(budgets(net, settings, part).values())) == expected


def test_steps_need_training_between_them():
    with pytest.raises(ValueError, match='steps above 1 and training .* go together'):
        PruningSettings(steps=3)


def test_rank_by_hand():
    # diag(3, 2, 1): the best matrix of rank 2 leaves out the smallest singular value.
    layer = torch.nn.Linear(3, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.diag(torch.tensor([3.0, 2.0, 1.0])))
    thin = factorised(layer, 2)
    assert torch.allclose(thin.weight, torch.diag(torch.tensor([3.0, 2.0, 0.0])), atol=1e-6)
    assert thin.bias.equal(layer.bias)
    assert [tuple(p.shape) for p in thin.parameters()] == [(2, 3), (3, 2), (3,)]


@torch.no_grad()
def test_the_full_rank_is_the_layer_itself():
    layer, x = torch.nn.Linear(24, 16), torch.rand(5, 24)
    assert torch.allclose(factorised(layer, 16)(x), layer(x), atol=1e-6)


@torch.no_grad()
def test_low_rank_shrinks_what_it_names_and_is_rebuilt(whole, net, tmp_path):
    factorise(net, PruningSettings(heads=4, rank=0.25))
    attention, mlp = next(iter(blocks(net).values()))
    dim = attention.qkv.in_features
    assert attention.qkv.rank == attention.proj.rank == dim // 4
    assert isinstance(mlp.fc1, torch.nn.Linear), 'only the projections were named'
    # From 3 d d + d d to (d + 3 d) d / 4 + 2 d d / 4 weights, biases as they were.
    less = sum(int(2.5 * a.qkv.in_features ** 2) for a, _ in blocks(net).values())
    assert parameters(whole) - parameters(net) == less
    assert gmacs(net, 64) < gmacs(whole, 64)
    save_model(net, tmp_path)
    image = torch.rand(1, 3, 64, 64) * 255
    assert load_model(tmp_path)(image).equal(net(image))


def test_a_layer_that_would_grow_stays_whole(net):
    # At half the rank, proj's two layers would have as many weights as the one: d d.
    factorise(net, PruningSettings(heads=4, rank=0.5, mlp_rank=0.6))
    attention, mlp = next(iter(blocks(net).values()))
    assert isinstance(attention.qkv, LowRank) and isinstance(attention.proj, torch.nn.Linear)
    assert isinstance(mlp.fc1, LowRank) and isinstance(mlp.fc2, LowRank)


@pytest.mark.slow
def test_a_network_pruned_every_way_exports_and_is_profiled(net):
    cut(net, choose(net, PruningSettings(
        heads=2, neurons=0.5, scope='global', importance='lamp')))
    factorise(net, PruningSettings(heads=1, rank=0.25, mlp_rank=0.25))
    rng = np.random.default_rng(0)
    pictures = list(rng.integers(0, 256, (2, 64, 64, 3), np.uint8))
    assert parity(net, export_graph(net, 64), pictures).agreement > 0.999
    times = profile_network(net, 64, rounds=1)
    assert min(times['attention projections'], times['attention core'], times['mlp']) > 0


@torch.no_grad()
def test_heads_can_be_cut_out_of_low_rank_layers(net):
    factorise(net, PruningSettings(heads=4, rank=0.25, mlp_rank=0.25))
    kept = choose(net, PruningSettings(heads=2, neurons=0.5))
    attention, mlp = next(iter(blocks(net).values()))
    qkv, fc2 = attention.qkv.weight, mlp.fc2.weight
    first = next(iter(kept.values()))
    cut(net, kept)
    columns = (first.heads[:, None] * attention.head_dim + torch.arange(attention.head_dim))
    assert torch.allclose(attention.qkv.weight[:columns.numel()], qkv[columns.flatten()])
    assert torch.allclose(mlp.fc2.weight, fc2[:, first.neurons])
    assert net(torch.zeros(1, 3, 64, 64)).shape == (1, 14, 64, 64)


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
