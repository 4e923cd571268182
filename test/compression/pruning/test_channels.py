"""Channels: widths shrink together, dead channels go unnoticed, a stored network comes back."""
from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from effvit_compression.models.architecture import Architecture
from effvit_compression.models.cost import gmacs, parameters
from effvit_compression.models.factory import build
from effvit_compression.models.store import load_model, save_model
from effvit_compression.pruning.channels import cut_channels, gather, MULTIPLE
from effvit_compression.pruning.settings import PruningSettings
from effvit_ros.core.errors import UserError


@pytest.fixture(scope='module')
def whole():
    """Return a small untrained network with a transformer block; not to be changed."""
    torch.manual_seed(0)
    return build(Architecture(encoder='tf_efficientnet_lite0', decoder_channels=16,
                              insertions={5: {'dim': 32, 'depth': 1}})).eval()


@pytest.fixture
def net(whole):
    """Return a copy of it."""
    return copy.deepcopy(whole)


def picture():
    return torch.randint(0, 256, (1, 3, 128, 128), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize('measure, scope', [('l1', 'layer'), ('l2', 'global'), ('lamp', 'layer'),
                                            ('taylor', 'layer')])
def test_a_cut_network_is_smaller_and_comes_back_from_its_files(measure, scope, whole, net,
                                                                tmp_path):
    if measure == 'taylor':
        gather(net, [(picture(), torch.zeros(1, 128, 128))])
    cut_channels(net, 0.3, measure, scope)
    assert parameters(net) < 0.8 * parameters(whole)
    assert gmacs(net, 128) < 0.8 * gmacs(whole, 128)
    assert all(outputs % MULTIPLE == 0 for name, (_, outputs) in net.architecture.widths.items()
               if name.endswith('conv_pw'))
    save_model(net, tmp_path)
    again = load_model(tmp_path)
    assert again.architecture == net.architecture
    assert torch.equal(again(picture()), net.eval()(picture()))


def test_channels_that_say_nothing_are_cut_without_a_trace(net):
    blocks = [module for module in net.encoder.modules() if hasattr(module, 'conv_pwl')]
    for block in blocks:
        dead = slice(0, 3 * block.conv_pw.out_channels // 8 // MULTIPLE * MULTIPLE)
        for layer in (block.conv_pw, block.conv_dw):
            layer.weight.data[dead] = 0
        block.conv_pwl.weight.data[:, dead] = 0
        for norm in (block.bn1, block.bn2):  # zero in, zero out, and no shift
            norm.weight.data[dead] = norm.bias.data[dead] = norm.running_mean[dead] = 0
    expected = net(picture())
    names = {name for name, module in net.named_modules()
             if isinstance(module, nn.Conv2d) and name.endswith('conv_pw')
             and hasattr(net.get_submodule(name[:-len('.conv_pw')]), 'conv_pwl')}
    cut_channels(net, 0.25, 'l2', only=names)
    assert net.architecture.widths
    torch.testing.assert_close(net(picture()), expected, rtol=1e-4, atol=1e-4)


def test_transformers_and_the_classifier_keep_theirs(net):
    before = {name: p.shape for name, p in net.named_parameters() if 'transformer' in name}
    cut_channels(net, 0.5)
    assert net.head.out_channels == len(net.architecture.classes)
    assert {n: p.shape for n, p in net.named_parameters() if 'transformer' in n} == before


def test_a_cut_may_be_repeated(net, tmp_path):
    first = parameters(cut_channels(net, 0.2))
    assert parameters(cut_channels(net, 0.2)) < first
    save_model(net, tmp_path)
    assert parameters(load_model(tmp_path)) == parameters(net)


def test_norms_in_groups_are_refused():
    net = build(Architecture(encoder='tf_efficientnet_lite0', decoder='fpn', decoder_channels=32))
    with pytest.raises(UserError, match='give decoder upernet'):
        cut_channels(net, 0.3)


@pytest.mark.parametrize('given, heads', [({'channels': 0.3}, None), ({}, 2),
                                          ({'channels': 0.3, 'heads': 1}, 1)])
def test_channels_alone_leave_the_heads(given, heads):
    assert PruningSettings(**given).heads == heads


def test_gradients_rank_channels_alone():
    with pytest.raises(ValueError, match='for channels alone'):
        PruningSettings(importance='taylor')
