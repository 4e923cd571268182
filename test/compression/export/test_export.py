"""The bundle: graphs that answer like torch, in a folder that the drone's loader accepts."""
from __future__ import annotations

import contextlib

import numpy as np
import onnx
import pytest
import torch

from effvit_compression.commands.export import parse_variant
from effvit_compression.data.description import load_description
from effvit_compression.evaluation import evaluate_bundle
from effvit_compression.export import bundle as bundle_module
from effvit_compression.export.bundle import (
    checked_parity,
    Description,
    make_variants,
    score_entry,
    Variant,
    write_bundle,
)
from effvit_compression.export.graph import export_graph, plain_pools
from effvit_compression.export.half import to_half
from effvit_compression.export.origins import Origin, origins
from effvit_compression.export.parity import noise_parity, Parity, parity
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build
from effvit_compression.models.store import load_network, NETWORK
from effvit_ros.core.bundle import load_bundle, resolve_model
from effvit_ros.core.errors import UserError
from effvit_ros.core.segmenter import Segmenter

SIZE = 64


@pytest.fixture(scope='module')
def net():
    """Return a small untrained network."""
    torch.manual_seed(0)
    return build(Architecture(encoder='mobilevit_xxs', decoder_channels=8)).eval()


@pytest.fixture(scope='module')
def graph(net):
    """Return its graph with 8-bit I/O."""
    return export_graph(net, SIZE)


@pytest.fixture(scope='module')
def pictures():
    """Return two pictures of the graph's size."""
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (2, SIZE, SIZE, 3), np.uint8))


def test_the_graph_takes_pixels_and_gives_scores_at_a_quarter(net, graph, pictures):
    assert [i.name for i in graph.graph.input] == ['image']
    (output,) = graph.graph.output
    assert output.name == 'scores'
    shape = [d.dim_value for d in output.type.tensor_type.shape.dim]
    assert shape == [1, 14, SIZE // 4, SIZE // 4]
    assert graph.graph.node[0].op_type == 'Cast', 'TensorRT wants it before any Transpose'
    assert parity(net, graph, pictures).agreement == 1


def test_the_half_graph_is_half_as_large_and_nearly_equal(net, graph, pictures):
    half = to_half(graph)
    assert half.ByteSize() < 0.6 * graph.ByteSize()
    measured = parity(net, half, pictures)
    assert measured.agreement > 0.98 and measured.margin < 0.1


def test_parity_sees_another_network(graph, pictures):
    torch.manual_seed(1)
    other = build(Architecture(encoder='mobilevit_xxs', decoder_channels=8)).eval()
    assert parity(other, graph, pictures).agreement < 0.9


@pytest.fixture
def exported_once(graph, monkeypatch):
    """Spare the writer the seconds that the exporter takes for the same graph."""
    monkeypatch.setattr(bundle_module, 'export_graph', lambda *_: graph)


@pytest.mark.usefixtures('exported_once')
def test_the_bundle_loads_and_segments(net, dataset, tmp_path, pictures):
    description = Description('tiny', tuple(origins([load_description(dataset)], [])),
                              'Made for\na test.', 'none')
    folder = tmp_path / 'models' / 'tiny'
    seen = []
    variants = make_variants(net, SIZE, [('fp32', 'uint8'), ('fp16', 'uint8')], pictures)
    write_bundle(net, variants, folder, SIZE, description,
                 lambda place: seen.append(load_bundle(place).name) or [], lambda place: 1.23456)
    bundle = load_bundle(folder)
    assert bundle.gives_scores and bundle.temperature == 1.2346
    assert seen == ['tiny'] and bundle.terms == 'tiny: for tests only'
    assert {g.precision for g in bundle.graphs} == {'fp32', 'fp16'}
    assert bundle.manifest['heads'] == [4] * 9 and bundle.manifest['gmacs'] > 0
    assert 'for tests only' in (folder / 'README.md').read_text()
    assert [p.name for p in folder.parent.iterdir()] == ['tiny'], 'nothing half-written is left'
    with Segmenter(bundle, 'onnxruntime') as segmenter, torch.no_grad():
        labels = segmenter.segment(pictures[0], 'rgb').labels
        expected = net(torch.from_numpy(pictures[0]).permute(2, 0, 1)[None]).argmax(1)[0]
    assert (labels == expected.numpy()).mean() > 0.99, 'the weights are rounded to FP16'
    again = load_network(folder)
    with torch.no_grad():
        found = again(torch.from_numpy(pictures[0]).permute(2, 0, 1)[None]).argmax(1)[0]
    assert (found == expected).float().mean() > 0.99, 'a bundle can be trained on'


def test_terms_follow_the_weights_from_bundle_to_bundle(dataset, tmp_path):
    """Who trains a bundle on, or learns from it, is bound by what it was trained on."""
    own = origins([load_description(dataset)], [tmp_path, *[resolve_model('')] * 2])
    assert own[0] == Origin('tiny', 'none', 'for tests only', '')
    assert [o.name for o in own] == [
        'tiny', 'sichuan_landslide', 'road_cracks', 'semantic_drone', 'flood_area', 'flight']
    assert 'non-commercial use only' in own[3].terms


@pytest.mark.usefixtures('exported_once')
def test_an_unfaithful_graph_is_refused(net, pictures, monkeypatch):
    monkeypatch.setattr(bundle_module, 'parity', lambda *_: Parity(0.9, 3.0))
    with pytest.raises(UserError, match='fp32/uint8 graph is not faithful to torch: .* 0.90000'):
        make_variants(net, SIZE, [('fp32', 'uint8')], pictures)


@pytest.mark.parametrize('noise, faithful', [
    pytest.param(Parity(0.9866, 0.38), True, id='a-picture-that-is-nearly-tied'),
    pytest.param(Parity(0.9986, 0.13), False, id='a-picture-that-is-not'),
])
def test_half_precision_may_flip_twice_what_invisible_noise_does(
        noise, faithful, net, pictures, monkeypatch):
    monkeypatch.setattr(bundle_module, 'parity', lambda net, graph, pictures: Parity(0.9866, 0.39))
    monkeypatch.setattr(bundle_module, 'noise_parity', lambda *_: noise)
    with contextlib.nullcontext() if faithful else pytest.raises(
            UserError, match='fp16/uint8 graph is not faithful to torch: .* 0.98660.*fp16: false'):
        checked_parity(net, None, pictures, 'fp16', 'uint8')


def test_invisible_noise_changes_little(net, pictures):
    measured = noise_parity(net, pictures)
    assert 0.9 < measured.agreement < 1
    assert 0 < measured.margin < 0.5


def test_a_bundle_without_its_network_flies_and_is_not_trained_on(net, graph, tmp_path):
    folder = tmp_path / 'tiny'
    write_bundle(net, [Variant('fp32', 'uint8', graph, Parity(1, 0))], folder, SIZE,
                 Description('tiny', (), '', '', trainable=False))
    assert load_bundle(folder).gives_scores and not (folder / NETWORK).exists()
    with pytest.raises(UserError, match='holds no network to train on'):
        load_network(folder)


def test_a_failure_leaves_the_old_bundle_alone(net, tmp_path):
    folder = tmp_path / 'old'
    folder.mkdir()
    (folder / 'manifest.yaml').write_text('old')

    def fail(place):
        raise UserError('scoring failed')

    with pytest.raises(UserError, match='scoring failed'):
        write_bundle(net, [Variant('fp32', 'uint8', onnx.ModelProto(), Parity(1, 0))], folder,
                     SIZE, Description('x', (), '', ''), fail)
    assert (folder / 'manifest.yaml').read_text() == 'old'
    assert [p.name for p in tmp_path.iterdir()] == ['old']


def test_a_folder_that_is_no_bundle_is_not_replaced(net, tmp_path):
    (tmp_path / 'diary.txt').write_text('mine')
    with pytest.raises(UserError, match='no bundle, and not empty: give a new folder'):
        write_bundle(net, [], tmp_path, SIZE, Description('x', (), '', ''))
    assert [p.name for p in tmp_path.iterdir()] == ['diary.txt']


@pytest.mark.slow
@pytest.mark.parametrize('encoder', ['mobilevit_xxs', 'tf_efficientnet_lite0'])
def test_the_float_graph_agrees_with_torch(encoder, pictures):
    # Legacy exporter, opset 13: its pooling must divide the deepest map, so 256 and no less.
    torch.manual_seed(0)
    net = build(Architecture(encoder=encoder, decoder_channels=8)).eval()
    graph = export_graph(net, 256, 'float32')
    assert graph.opset_import[0].version == 13
    large = [np.kron(p, np.ones((4, 4, 1), np.uint8)) for p in pictures]
    assert parity(net, graph, large).agreement > 0.9999


def test_pools_that_halve_evenly_are_written_out_and_give_the_same():
    pools = torch.nn.ModuleList(torch.nn.AdaptiveAvgPool2d(n) for n in (1, 2, 4, 3, (8, 2)))
    features = torch.rand(1, 3, 16, 16)
    expected = [pool(features) for pool in pools]
    with plain_pools(pools):
        found = [pool(features) for pool in pools]
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close([pool(features) for pool in pools], expected, rtol=0, atol=0)


@pytest.mark.parametrize('text', ['int4/uint8', 'fp32/int8', 'fp32'])
def test_an_unknown_variant_is_named(text):
    with pytest.raises(UserError, match=f'--variants {text}: give'):
        parse_variant(text)


def test_a_score_entry_leaves_absent_classes_out(tiny_bundle):
    black = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8)
    scores = evaluate_bundle(load_bundle(tiny_bundle), [black])
    assert score_entry('x/val', scores) == {
        'data': 'x/val', 'n_images': 1, 'miou': 1.0, 'mdice_lpcv': None,
        'iou': {'background': 1.0}}
