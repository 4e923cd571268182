"""First weights of a network that another one has learnt."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build
from effvit_compression.models.insertion import trunk_tensors
from effvit_compression.models.pretrained import load_pretrained, Pretrained
from effvit_compression.models.store import save_model
from effvit_compression.recipe import load_recipe, stored
from effvit_compression.stages import distill
from effvit_ros.core.bundle import resolve_model
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
    load_pretrained(net, Pretrained(source='stored', model=folder), print, tuple)


def test_the_trunk_of_another_network_fits_around_inserted_blocks(tmp_path):
    stored, net = network(PLAIN, 0), network(HYBRID, 1)
    head = net.head.weight.clone()
    save_model(stored, tmp_path)
    start_from(tmp_path, net)
    ours, theirs = net.encoder.model.state_dict(), stored.encoder.model.state_dict()
    assert len(ours) > len(theirs)
    for one, other in zip(trunk_tensors(net.encoder), trunk_tensors(stored.encoder)):
        assert torch.equal(ours[one], theirs[other]), one
    assert torch.equal(net.head.weight, head)


def test_of_the_same_architecture_everything_is_taken(tmp_path):
    stored, net = network(HYBRID, 0), network(HYBRID, 1)
    save_model(stored, tmp_path)
    start_from(tmp_path, net)
    state = net.state_dict()
    assert all(torch.equal(state[name], t) for name, t in stored.state_dict().items())


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
