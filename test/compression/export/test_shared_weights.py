"""What an FP32 and an FP16 graph have in common is stored once, and both are whole again."""
from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from cpu_runtimes import RUNTIMES
from onnx import numpy_helper

from effvit_compression.export.bundle import Description, make_variants, WEIGHTS, write_bundle
from effvit_compression.export.shared_weights import share
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build
from effvit_ros.core.bundle import BundleError, load_bundle
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.core.tail import Tail

BOTH = [('fp32', 'uint8'), ('fp16', 'uint8')]


SIZE = 64
CARD = Description('tiny', (), '', '')


@pytest.fixture(scope='module')
def net():
    """Return a small untrained network."""
    torch.manual_seed(0)
    return build(Architecture(encoder='mobilevit_xxs', decoder_channels=8)).eval()


@pytest.fixture(scope='module')
def picture():
    """Return a picture of the graphs' size."""
    return np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)


@pytest.fixture(scope='module')
def variants(net, picture):
    """Return both graphs, whole."""
    return make_variants(net, SIZE, BOTH, [picture])


@pytest.fixture
def folder(net, variants, tmp_path):
    """Return a bundle of both."""
    return write_bundle(net, variants, tmp_path / 'bundle', SIZE, CARD)


def tensors(graph):
    """Return the initializers as arrays by name."""
    return {t.name: numpy_helper.to_array(t) for t in graph.graph.initializer}


def test_weights_followed_by_a_rest_are_the_graph(variants):
    weights, *rests = share(*(v.graph for v in variants))
    assert tensors(weights), 'something is in common'
    for variant, rest in zip(variants, rests):
        whole = onnx.load_from_string(weights.SerializeToString() + rest.SerializeToString())
        onnx.checker.check_model(whole, full_check=True)
        assert whole.graph.node == variant.graph.graph.node
        here, there = tensors(whole), tensors(variant.graph)
        assert here.keys() == there.keys()
        assert all(np.array_equal(here[name], there[name]) for name in here)


def test_a_bundle_of_both_is_hardly_larger_than_one(variants, folder):
    single = min(len(v.graph.SerializeToString()) for v in variants)
    structure = sum((folder / v.file).stat().st_size for v in variants)
    bundle = load_bundle(folder)
    assert bundle.graph_bytes == (folder / WEIGHTS).stat().st_size + structure
    assert (folder / WEIGHTS).stat().st_size > single / 2, 'most of a graph is its weights'


@pytest.mark.parametrize('runtime', RUNTIMES)
@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_both_graphs_label_as_the_whole_ones_do(variants, folder, picture, runtime, precision):
    pytest.importorskip(runtime)
    whole = next(v.graph for v in variants if v.precision == precision)
    session = onnxruntime.InferenceSession(whole.SerializeToString())
    scores = session.run(None, {'image': picture[None]})[0][0]
    expected = Tail(scores.shape[1:], picture.shape[:2]).labels(scores)
    with Segmenter(load_bundle(folder).preferring(runtime, precision), runtime) as segmenter:
        labels = segmenter.segment(picture, 'rgb').labels
    assert np.mean(labels == expected) > 0.999


def test_one_precision_alone_is_one_file(net, variants, tmp_path):
    folder = write_bundle(net, variants[:1], tmp_path / 'bundle', SIZE, CARD)
    assert sorted(path.name for path in folder.glob('*.onnx')) == ['model_fp32.onnx']


@pytest.mark.parametrize('damage, message', [
    pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-1] + b'!'),
                 'model_fp32.onnx with .*weights.onnx: sha256 is', id='altered'),
    pytest.param(lambda path: path.unlink(), 'weights.onnx: No such file', id='missing'),
])
def test_damaged_weights_are_told(folder, damage, message):
    damage(folder / WEIGHTS)
    with pytest.raises(BundleError, match=message):
        load_bundle(folder)
