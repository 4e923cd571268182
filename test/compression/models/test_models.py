"""Networks: built, stored, rebuilt; wrong files refused."""
from __future__ import annotations

import pytest
import torch
import yaml

from effvit_compression.models.architecture import Architecture
from effvit_compression.models.cost import gmacs, heads, parameters
from effvit_compression.models.factory import build
from effvit_compression.models.frozen import Frozen
from effvit_compression.models.store import load_model, save_model
from effvit_ros.core.errors import UserError

XXS = Architecture(encoder='mobilevit_xxs')


@pytest.fixture(scope='module')
def net():
    """Return the smallest student, untrained."""
    torch.manual_seed(0)
    return build(XXS).eval()


@torch.no_grad()
def test_scores_have_the_size_of_the_picture(net):
    image = torch.zeros(1, 3, 64, 96, dtype=torch.uint8)
    maps, scores = net.features(image)
    assert net(image).shape == (1, 14, 64, 96) and scores.shape == (1, 14, 16, 24)
    assert [m.shape[-1] for m in maps] == [96, 48, 24, 12, 6, 3]


def test_size_and_cost_are_those_of_the_literature(net):
    assert parameters(net) == pytest.approx(1.19e6, rel=0.01)
    assert gmacs(net, 512) == pytest.approx(3.43, rel=0.02), 'attention counted'
    assert heads(net) == [4] * 9


@torch.no_grad()
def test_larger_patches_cost_less_and_need_no_other_weights(net):
    other = build(XXS.model_copy(update={'patch_sizes': {2: 4}})).eval()
    other.load_state_dict(net.state_dict())
    assert gmacs(other, 512) < 0.8 * gmacs(net, 512)
    image = torch.zeros(1, 3, 64, 64)
    assert other(image).shape == net(image).shape


@pytest.mark.parametrize('changes, complaint', [
    pytest.param({'encoder': 'mobilevit_xxxs'}, 'no encoder', id='unknown encoder'),
    pytest.param({'patch_sizes': {1: 4}}, r'names stage 1; mobilevit_xxs has \[2, 3, 4\]',
                 id='stage without patches'),
])
def test_an_impossible_architecture_is_named(changes, complaint):
    with pytest.raises(UserError, match=complaint):
        build(XXS.model_copy(update=changes))


@torch.no_grad()
def test_a_stored_network_answers_as_before(net, tmp_path):
    save_model(net, tmp_path)
    image = torch.rand(1, 3, 64, 64) * 255
    assert load_model(tmp_path)(image).equal(net(image))
    assert not list(tmp_path.glob('*.tmp'))


def test_weights_of_another_architecture_are_refused(net, tmp_path):
    save_model(net, tmp_path)
    path = tmp_path / 'architecture.yaml'
    fields = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**fields, 'decoder_channels': 48}))
    with pytest.raises(UserError, match='weights of another architecture: .* is .* by arch'):
        load_model(tmp_path)


@pytest.mark.parametrize('name, content', [
    pytest.param('model.safetensors', b'\x00' * 40, id='weights'),
    pytest.param('architecture.yaml', b'encoder: [', id='architecture'),
    pytest.param('architecture.yaml', b'encodr: x', id='unknown key'),
])
def test_damaged_files_give_one_line(net, tmp_path, name, content):
    save_model(net, tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        load_model(tmp_path)
    assert '\n' not in str(error.value) and str(tmp_path) in str(error.value)


@pytest.mark.parametrize('architecture', [
    pytest.param(XXS, id='transformer'),
    pytest.param(Architecture(encoder='tf_efficientnet_lite0', decoder='fpn'),
                 id='convolutional'),
])
def test_a_frozen_network_gives_the_same_features(architecture):
    net = build(architecture).eval()
    frozen = Frozen(net)
    larger = torch.randint(0, 256, (2, 3, 96, 64), dtype=torch.uint8)
    with torch.no_grad():
        maps, scores = net.features(larger)
    frozen_maps, frozen_scores = frozen.features(larger)
    assert torch.allclose(scores, frozen_scores, atol=1e-3)
    assert all(torch.allclose(a.float(), b.float(), atol=1e-3)
               for a, b in zip(maps[1:], frozen_maps[1:]))
