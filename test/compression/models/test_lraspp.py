"""LR-ASPP as one of our networks: it computes what torchvision's does, from its weights."""
from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build
from effvit_compression.models.lraspp import MAKE
from effvit_compression.models.pretrained import load_pretrained, Pretrained
from effvit_ros.core.errors import UserError

PEER = Architecture(encoder='mobilenet_v3_large', decoder='lraspp', decoder_channels=128)


@pytest.fixture(scope='module')
def theirs():
    torch.manual_seed(0)
    return MAKE(weights=None, weights_backbone=None, num_classes=14).eval()


@pytest.fixture
def file(theirs, tmp_path):
    state = theirs.state_dict()
    save_file({name: tensor.half() if tensor.is_floating_point() else tensor
               for name, tensor in state.items()}, tmp_path / 'weights.safetensors')
    return tmp_path / 'weights.safetensors'


def start(architecture, path):
    net = build(architecture).eval()
    load_pretrained(net, Pretrained(source='torchvision', model=path), print)
    return net


@torch.inference_mode()
def test_it_computes_what_torchvisions_network_does(theirs, file):
    net, head = start(PEER, file), theirs.classifier
    net.head.weight.copy_(torch.cat([head.low_classifier.weight, head.high_classifier.weight], 1))
    net.head.bias.copy_(head.low_classifier.bias + head.high_classifier.bias)
    image = torch.randint(0, 256, (1, 3, 64, 96), dtype=torch.uint8)
    found = net.features(image)[1]
    expected = head(theirs.backbone((image.float() - PEER.mean) / PEER.std))
    assert found.shape == (1, 14, 8, 12)
    torch.testing.assert_close(found, expected, atol=5e-3, rtol=5e-3)  # the file is in half


def test_weights_of_another_network_are_one_line(theirs, tmp_path):
    path = tmp_path / 'other.safetensors'
    save_file({'backbone.x': torch.zeros(1)}, path)
    with pytest.raises(UserError, match="give torchvision's lraspp_mobilenet_v3_large"):
        start(PEER, path)
    path.write_bytes(b'no tensors')
    with pytest.raises(UserError, match='pretrained.model .*other.safetensors'):
        start(PEER, path)


@pytest.mark.parametrize('architecture, complaint', [
    (PEER.model_copy(update={'encoder': 'tf_efficientnet_lite0'}), 'decoder lraspp stands on'),
    (Architecture(encoder='tf_efficientnet_lite0', decoder_channels=8), 'for decoder lraspp'),
], ids=['another trunk', 'another decoder'])
def test_what_does_not_go_together_is_one_line(architecture, complaint, file):
    with pytest.raises(UserError, match=complaint):
        start(architecture, file)


def test_deeplabv3plus_stands_on_our_trunk():
    net = build(Architecture(encoder='tf_efficientnet_lite0', decoder='deeplabv3plus',
                             decoder_channels=32)).eval()
    with torch.inference_mode():
        assert net.features(torch.zeros(1, 3, 64, 64))[1].shape == (1, 14, 16, 16)
