"""First weights of a network that another one has learnt."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build
from effvit_compression.models.insertion import trunk_tensors
from effvit_compression.models.pretrained import (
    check_normalisation,
    load_pretrained,
    Pretrained,
)
from effvit_compression.models.store import save_model
from effvit_compression.recipe import load_recipe, stored
from effvit_compression.stages import distill
from effvit_ros.core.bundle import resolve_model
from effvit_ros.core.classes import class_set
from effvit_ros.core.errors import UserError

PLAIN = Architecture(encoder='tf_efficientnet_lite0', decoder_channels=8)
HYBRID = Architecture(encoder='tf_efficientnet_lite0', decoder_channels=8,
                      insertions={5: {'dim': 16, 'depth': 1}})


def network(architecture, seed):
    """Return a network with random weights."""
    torch.manual_seed(seed)
    return build(architecture).eval()


def start_from(folder, net):
    """Give ``net`` the weights stored in ``folder``."""
    load_pretrained(net, Pretrained(source='stored', model=folder), print)


def test_the_trunk_of_another_network_fits_around_inserted_blocks(tmp_path):
    stored, net = network(PLAIN, 0), network(HYBRID, 1)
    save_model(stored, tmp_path)
    start_from(tmp_path, net)
    ours, theirs = net.encoder.model.state_dict(), stored.encoder.model.state_dict()
    assert len(ours) > len(theirs)
    for one, other in zip(trunk_tensors(net.encoder), trunk_tensors(stored.encoder)):
        assert torch.equal(ours[one], theirs[other]), one
    assert torch.equal(net.head.weight, stored.head.weight)  # fits, so it is kept


def test_of_the_same_architecture_everything_is_taken(tmp_path):
    stored, net = network(HYBRID, 0), network(HYBRID, 1)
    save_model(stored, tmp_path)
    start_from(tmp_path, net)
    state = net.state_dict()
    assert all(torch.equal(state[name], t) for name, t in stored.state_dict().items())


@pytest.mark.parametrize('names', [
    pytest.param(('soil', 'crop', 'weed'), id='another number'),
    pytest.param(tuple(f'class {i}' for i in range(14)), id='as many others')])
def test_under_other_classes_trunk_and_decoder_stay_and_the_head_is_new(tmp_path, capsys, names):
    farm = class_set({'name': 'farm', 'classes': [
        {'id': i, 'name': name, 'color': [i, 0, 0]} for i, name in enumerate(names)]}, 'farm')
    stored, net = network(PLAIN, 0), network(PLAIN.model_copy(update={'classes': farm}), 1)
    head = net.head.weight.clone()
    save_model(stored, tmp_path)
    start_from(tmp_path, net)
    state = net.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in stored.state_dict().items()
               if not name.startswith('head.'))
    assert torch.equal(net.head.weight, head) and len(head) == len(names)
    assert 'nothing in it for head.bias, head.weight: random at first' in capsys.readouterr().out


def test_another_trunk_is_refused(tmp_path):
    save_model(network(PLAIN, 0), tmp_path)
    other = network(Architecture(encoder='tf_efficientnet_lite2', decoder_channels=8), 1)
    with pytest.raises(UserError, match='tf_efficientnet_lite0, which does not fit '
                                        'tf_efficientnet_lite2'):
        start_from(tmp_path, other)


@pytest.mark.parametrize('fields', [{'source': 'stored'}, {'source': 'wheel', 'model': 'm'}],
                         ids=['no folder', 'folder for nothing'])
def test_source_and_folder_go_together(fields):
    with pytest.raises(ValueError, match='go together'):
        Pretrained(**fields)


def test_a_recipe_finds_it_beside_itself_and_notices_new_weights(tmp_path):
    recipe = tmp_path / 'recipes' / 'r.yaml'
    recipe.parent.mkdir()
    recipe.write_text(yaml.safe_dump({
        'name': 'r', 'data': [{'dataset': 'd.yaml'}], 'student': PLAIN.model_dump(),
        'pretrained': {'source': 'stored', 'model': '../model'},
        'teacher': {'model': '../model'}, 'distill': {'training': {'iterations': 1}},
        'export': {'name': 'r'}}))
    keys = []
    for seed in (0, 0, 1):
        save_model(network(PLAIN, seed), tmp_path / 'model')
        keys.append(distill.depends_on(load_recipe(recipe)))
    assert keys[0] == keys[1] != keys[2]


def test_a_recipe_may_name_a_shipped_bundle_unless_a_folder_lies_beside_it(tmp_path):
    shipped = resolve_model('')
    assert stored(tmp_path, Path(shipped.name)) == shipped
    assert stored(tmp_path, Path('..') / shipped.name) == tmp_path.parent / shipped.name
    (tmp_path / shipped.name).mkdir()
    assert stored(tmp_path, Path(shipped.name)) == tmp_path / shipped.name


def test_a_stored_network_that_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match='model .*nowhere'):
        start_from(tmp_path / 'nowhere', network(PLAIN, 0))


@pytest.mark.parametrize('mean, std, fine', [
    pytest.param(0.0, 255.0, True, id='as published'),
    pytest.param(127.0, 128.0, False, id='the default'),
])
def test_published_weights_get_pictures_as_they_expect_them(mean, std, fine):
    """Pictures of 0 to 1 for MobileViT, of -1 to 1 for EfficientNet-Lite."""
    architecture = Architecture(encoder='mobilevit_xxs', mean=mean, std=std)
    config = {'mean': (0.0, 0.0, 0.0), 'std': (1.0, 1.0, 1.0)}
    if fine:
        check_normalisation(architecture, config)
    else:
        with pytest.raises(UserError, match='expect mean 0.0 and std 255.0'):
            check_normalisation(architecture, config)


def test_weights_from_the_hub_fit_around_inserted_blocks(monkeypatch):
    published, net = network(PLAIN, 0).encoder.model, network(HYBRID, 1)
    published.pretrained_cfg = {'mean': (0.5, 0.5, 0.5), 'std': (0.5, 0.5, 0.5)}
    monkeypatch.setattr('effvit_compression.models.pretrained.timm.create_model',
                        lambda *args, **options: published)
    load_pretrained(net, Pretrained(source='hub'), print)
    ours, theirs = net.encoder.model.state_dict(), published.state_dict()
    for one, other in zip(trunk_tensors(net.encoder), theirs):
        assert torch.equal(ours[one], theirs[other]), one
