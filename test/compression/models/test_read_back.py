"""The network behind a bundle's graph, to train on or to learn from."""
from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import onnx
import pytest
import torch
import yaml
from tiny_bundle import write_manifest

from effvit_compression.cli import main
from effvit_compression.commands.info import describe_bundle
from effvit_compression.export.bundle import Description, make_variants, write_bundle
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.cost import heads, parameters
from effvit_compression.models.factory import build
from effvit_compression.models.pretrained import load_pretrained, Pretrained
from effvit_compression.models.read_back import load_network, network_of, places, settle_norms
from effvit_compression.pruning.settings import PruningSettings
from effvit_compression.pruning.surgery import choose, cut, factorise
from effvit_ros.core.bundle import load_bundle, MANIFEST, resolve_model
from effvit_ros.core.errors import UserError

SIZE = 64
HYBRID = Architecture(encoder='tf_efficientnet_lite0', decoder_channels=8,
                      insertions={5: {'dim': 16, 'depth': 1}})


def crops(seed=0):
    """Return a batch of pictures."""
    return torch.from_numpy(
        np.random.default_rng(seed).integers(0, 256, (4, 3, SIZE, SIZE), np.uint8))


def export(net, folder):
    """Write its bundle, FP32 alone."""
    picture = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    variants = make_variants(net, SIZE, [('fp32', 'uint8')], [picture])
    return write_bundle(net, variants, folder, SIZE, Description('tiny', (), '', ''))


@pytest.fixture(scope='module')
def hybrid():
    """Return a network of the shipped models' kind, its BatchNorm used, pruned in every way."""
    torch.manual_seed(0)
    net = build(HYBRID)
    with torch.no_grad():
        for seed in range(3):
            net.train()(crops(seed))
        net.head.bias.copy_(torch.linspace(-1, 1, 14))  # zeros are left out of a graph
    settings = PruningSettings(heads=2, neurons=0.5, rank=0.5)
    factorise(cut(net, choose(net, settings)), settings)
    return net.eval()


@pytest.fixture(scope='module')
def exported(hybrid, tmp_path_factory):
    """Return its bundle; not to be changed."""
    return export(hybrid, tmp_path_factory.mktemp('read') / 'bundle')


@pytest.fixture
def bundle(exported, tmp_path):
    """Return a copy of its bundle."""
    return shutil.copytree(exported, tmp_path / 'bundle')


@torch.no_grad()
def test_it_scores_as_the_network_that_was_exported(hybrid, exported):
    read = load_network(exported)
    assert read.architecture == hybrid.architecture
    assert (heads(read), parameters(read)) == ([2], parameters(hybrid))
    assert torch.allclose(read(crops()), hybrid(crops()), rtol=1e-3, atol=1e-3)


@torch.no_grad()
def test_settled_norms_say_the_same_and_are_ready_to_train(hybrid, exported):
    read = load_network(exported)
    settle_norms(read, [crops()])
    assert torch.allclose(read(crops()), hybrid(crops()), rtol=1e-3, atol=2e-3)
    # A training normalises by its batch: of the same pictures it begins where the bundle is.
    assert torch.allclose(read.train()(crops()), hybrid(crops()), rtol=1e-2, atol=1e-2)


def test_a_student_starts_from_a_bundle(hybrid, exported):
    torch.manual_seed(5)
    net = build(hybrid.architecture).eval()
    load_pretrained(net, Pretrained(source='stored', model=exported), print, lambda: [crops()])
    with torch.no_grad():
        assert torch.allclose(net(crops()), hybrid(crops()), rtol=1e-3, atol=2e-3)
    assert float(net.encoder.model.bn1.running_mean.abs().sum()) > 0, 'settled'


def test_the_profile_of_a_bundle_is_by_component(exported, capsys):
    assert main(['profile', str(exported), '--size', str(SIZE), '--json']) == 0
    times = json.loads(capsys.readouterr().out)[str(exported)]
    assert {'encoder conv_stem', 'encoder blocks 5', 'attention core', 'decoder'} <= set(times)


def rename(graph, names):
    """Rename values of a graph."""
    for node in graph.graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(name, name) for name in values]


def answer_of(graph, weight):
    """Return the name of what the convolution with this weight puts out."""
    return next(node.output[0] for node in graph.graph.node if node.op_type == 'Conv'
                and node.input[1].endswith(weight))


def another_name(graph):
    rename(graph, {answer_of(graph, 'conv_stem.weight'): 'other'})


def another_order(graph):
    one, other = (answer_of(graph, f'blocks.5.{i}.conv_pw.weight') for i in (1, 2))
    rename(graph, {one: other, other: one})


@pytest.mark.parametrize('change, message', [
    (another_name, 'conv_stem.weight is not where this exporter puts it: use the tools'),
    (another_order, 'labels otherwise than its graph: use the tools'),
], ids=['another name', 'another order'])
def test_what_other_tools_exported_is_refused(bundle, change, message):
    graph = onnx.load(bundle / 'model_fp32.onnx')
    change(graph)
    content = graph.SerializeToString()
    (bundle / 'model_fp32.onnx').write_bytes(content)
    edit(bundle, lambda manifest: manifest['graphs'][0].update(
        sha256=hashlib.sha256(content).hexdigest()))
    with pytest.raises(UserError, match=message):
        load_network(bundle)


def edit(folder, change):
    """Change a bundle's manifest."""
    manifest = yaml.safe_load((folder / MANIFEST).read_text())
    change(manifest)
    write_manifest(folder, manifest)


@pytest.mark.parametrize('change, message', [
    (lambda m: m.pop('architecture'), 'says no architecture: only'),
    (lambda m: m['architecture'].update(encoder='lenet'), "no encoder 'lenet'"),
    (lambda m: m['graphs'][0].update(precision='fp16'), 'no fp32/uint8 graph'),
], ids=['no architecture', 'unknown encoder', 'no FP32 graph'])
def test_what_cannot_be_read_back_is_one_line(bundle, change, message):
    edit(bundle, change)
    with pytest.raises(UserError, match=message) as caught:
        load_network(bundle)
    assert '\n' not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['mobilevit_lite0_lpcv', 'mobilevit_lite2_lpcv'])
def test_the_shipped_ones_come_back(name):
    folder = resolve_model(name)
    net, known = network_of(load_bundle(folder)), describe_bundle(folder)
    assert (parameters(net), heads(net)) == (known['parameters'], known['heads'])


@pytest.mark.slow
def test_a_network_whose_tensors_the_exporter_changes_is_refused():
    architecture = Architecture(encoder='tf_efficientnet_lite0', decoder='fpn',
                                decoder_channels=32)
    with pytest.raises(UserError, match='is not as such in its graph: give the checkpoint'):
        places(architecture.model_dump_json(), SIZE)
