"""import: bundles that label as their own framework does, and what must be given or refused."""
from __future__ import annotations

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
import yaml
from onnx import helper, numpy_helper, TensorProto
from safetensors.torch import save_file

from effvit_compression import torch_env  # noqa: F401  (before torchvision)
from effvit_compression.cli import main
from effvit_compression.commands.import_ import noise
from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.errors import UserError
from effvit_ros.core.segmenter import Segmenter

SIZE = 32
NAMES = ('field', 'water', 'road', 'person')
TOPFORMER = Path(__file__).parents[4] / 'shared/weights/lpcv_topformer_tiny'


@pytest.fixture
def classes(tmp_path):
    """Return a class set of four."""
    return class_file(tmp_path / 'classes.yaml', NAMES)


def class_file(path, names):
    """Write a class set; return its file."""
    path.write_text(yaml.safe_dump({'name': 'farm', 'classes': [
        {'id': i, 'name': name, 'color': [i, i, i]} for i, name in enumerate(names)]}))
    return path


def tiny_onnx(path, layout='nchw', gives='scores', dims=None, two=False, facts=None):
    """Write a 1x1 convolution: four classes told apart by colour; return weights, bias."""
    rng = np.random.default_rng(3)
    weights, bias = rng.normal(size=(4, 3)).astype(np.float32), rng.normal(size=4)
    bias = bias.astype(np.float32)
    shape = dims or ([1, 3, SIZE, SIZE] if layout == 'nchw' else [1, SIZE, SIZE, 3])
    nodes, last = [], 'picture'
    if layout == 'nchw':
        nodes.append(helper.make_node('Transpose', [last], ['t'], perm=[0, 2, 3, 1]))
        last = 't'
    nodes += [helper.make_node('MatMul', [last, 'w'], ['m']),
              helper.make_node('Add', ['m', 'b'], ['nhwc'])]
    kind, out = TensorProto.FLOAT, ['n', 4, 'h', 'w']
    if gives == 'nhwc':
        nodes.append(helper.make_node('Identity', ['nhwc'], ['out']))
        out = ['n', 'h', 'w', 4]
    elif gives == 'scores':
        nodes.append(helper.make_node('Transpose', ['nhwc'], ['out'], perm=[0, 3, 1, 2]))
    else:
        nodes.append(helper.make_node('ArgMax', ['nhwc'], ['out'], axis=3, keepdims=0))
        kind, out = TensorProto.INT64, ['n', 'h', 'w']
    outputs = [helper.make_tensor_value_info('out', kind, out)]
    if two:
        nodes.append(helper.make_node('Identity', ['nhwc'], ['aux']))
        outputs.append(helper.make_tensor_value_info(
            'aux', TensorProto.FLOAT, ['n', 'h', 'w', 4]))
    graph = helper.make_graph(
        nodes, 'tiny', [helper.make_tensor_value_info('picture', TensorProto.FLOAT, shape)],
        outputs, [numpy_helper.from_array(weights.T.copy(), 'w'),
                  numpy_helper.from_array(bias, 'b')])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
    for key, value in (facts or {}).items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, str(path))
    return weights, bias


def imported(source, classes, out, *options):
    """Run the command; return its exit code."""
    return main(['import', str(source), '--classes', str(classes), '--out', str(out),
                 *map(str, options)])


@pytest.mark.parametrize('options, mean, std', [
    (['--normalisation', 'imagenet'], (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    (['--normalisation', 'unit'], 0, 255),
    (['--mean', '10,20,30', '--std', '40,50,60'], (10, 20, 30), (40, 50, 60)),
], ids=['imagenet', 'unit', 'numbers'])
@pytest.mark.parametrize('order', ['rgb', 'bgr'])
@pytest.mark.parametrize('layout, gives', [
    ('nchw', 'scores'), ('nhwc', 'scores'), ('nchw', 'nhwc'), ('nchw', 'labels')])
def test_onnx_labels_as_computed_by_hand(tmp_path, classes, layout, gives, order, options, mean,
                                         std):
    weights, bias = tiny_onnx(tmp_path / 'm.onnx', layout, gives)
    assert imported(tmp_path / 'm.onnx', classes, tmp_path / 'b', '--order', order,
                    *options) == 0
    bundle = load_bundle(tmp_path / 'b')
    assert bundle.names == NAMES and bundle.gives_scores == (gives != 'labels')
    picture = noise(SIZE, SIZE)[5]
    x = (picture[..., ::-1 if order == 'bgr' else 1] - np.float32(mean)) / np.float32(std)
    wanted = (x @ weights.T + bias).argmax(-1)
    with Segmenter(bundle, 'onnxruntime') as segmenter:
        assert np.mean(segmenter.segment(picture, 'rgb').labels == wanted) > 0.999


def test_fp16_and_terms_are_kept(tmp_path, classes, capsys):
    tiny_onnx(tmp_path / 'm.onnx', facts={
        'author': 'Ultralytics', 'license': 'AGPL-3.0 License', 'task': 'semantic',
        'names': str(dict(enumerate(NAMES)))})
    assert imported(tmp_path / 'm.onnx', classes, tmp_path / 'b', '--fp16') == 0
    bundle = load_bundle(tmp_path / 'b')
    assert [g.precision for g in bundle.graphs] == ['fp32', 'fp16']
    assert 'AGPL-3.0' in bundle.terms and 'publish its source' in capsys.readouterr().out


@pytest.mark.parametrize('make, options, told', [
    (dict(two=True), ['--normalisation', 'unit'], '2 outputs (out, aux): give --output NAME'),
    (dict(two=True), ['--output', 'x'], "no output 'x'; it has out, aux"),
    (dict(dims=['n', 3, 'h', 'w']), ['--normalisation', 'unit'], 'give --size WIDTHxHEIGHT'),
    (dict(dims=['n', 'c', 'h', 'w']), ['--size', '32x32'], 'give --layout'),
    (dict(dims=[2, 3, SIZE, SIZE]), ['--normalisation', 'unit'], 'takes 2 pictures at a time'),
    (dict(), [], 'give --normalisation imagenet, unit'),
    (dict(), ['--normalisation', 'x'], '--normalisation x: give one of imagenet'),
    (dict(), ['--mean', '1,2,3'], '--mean and --std go together'),
    (dict(), ['--size', '64x64', '--normalisation', 'unit'], 'takes 32x32 pixels, not --size'),
    (dict(facts={'author': 'Ultralytics', 'task': 'detect'}), [], "for the task 'detect'"),
    (dict(facts={'author': 'Ultralytics', 'names': "{0: 'a', 1: 'b', 2: 'c', 3: 'd'}"}), [],
     "the network calls its class 0 'a'"),
], ids=lambda value: None if isinstance(value, (dict, list)) else value[:24])
def test_what_must_be_given_is_one_line(tmp_path, classes, capfd, make, options, told):
    tiny_onnx(tmp_path / 'm.onnx', **make)
    assert imported(tmp_path / 'm.onnx', classes, tmp_path / 'b', *options) == 2
    printed = capfd.readouterr().err
    assert told in printed and 'Traceback' not in printed
    assert not (tmp_path / 'b').exists()


def test_dynamic_shapes_with_a_size(tmp_path, classes):
    tiny_onnx(tmp_path / 'm.onnx', dims=['n', 3, 'h', 'w'])
    assert imported(tmp_path / 'm.onnx', classes, tmp_path / 'b', '--size', '48x32',
                    '--normalisation', 'unit') == 0
    assert (load_bundle(tmp_path / 'b').width, load_bundle(tmp_path / 'b').height) == (48, 32)


def test_two_outputs_with_a_name(tmp_path, classes):
    tiny_onnx(tmp_path / 'm.onnx', two=True)
    assert imported(tmp_path / 'm.onnx', classes, tmp_path / 'b', '--output', 'out',
                    '--normalisation', 'unit') == 0


def test_classes_of_another_number(tmp_path, capfd):
    tiny_onnx(tmp_path / 'm.onnx')
    few = class_file(tmp_path / 'few.yaml', NAMES[:3])
    assert imported(tmp_path / 'm.onnx', few, tmp_path / 'b', '--normalisation', 'unit') == 2
    assert 'tells 4 classes apart, --classes farm has 3' in capfd.readouterr().err


class Evil:
    """Says so when it is unpickled."""

    def __reduce__(self):
        """Write a file."""
        return exec, ("open('/tmp/unpickled', 'w')",)


@pytest.mark.parametrize('write', [
    lambda path: path.write_bytes(pickle.dumps(Evil())),
    lambda path: torch.save({'net': Evil()}, path),
    lambda path: torch.save(torch.nn.Linear(2, 2), path),
    lambda path: path.write_bytes(b'nonsense'),
], ids=['pickle', 'torch', 'module', 'nonsense'])
def test_python_objects_are_never_unpickled(tmp_path, classes, capfd, write):
    Path('/tmp/unpickled').unlink(missing_ok=True)
    write(tmp_path / 'net.pth')
    assert imported(tmp_path / 'net.pth', classes, tmp_path / 'b', '--size', '64x64',
                    '--arch', 'lraspp_mobilenet_v3_large') == 2
    assert 'never unpickled' in capfd.readouterr().err
    assert not Path('/tmp/unpickled').exists()


def settled(net, size=64):
    """Give a network with random weights BatchNorm statistics of noise."""
    torch.manual_seed(1)
    with torch.no_grad():
        for _ in range(3):
            net.train()(torch.randn(2, 3, size, size))
    return net.eval()


def torchvision_file(folder):
    from torchvision.models.segmentation import lraspp_mobilenet_v3_large
    net = settled(lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4))
    torch.save(net.state_dict(), folder / 'net.pth')
    return folder / 'net.pth', lambda x: net(x)['out'], ['--arch', 'lraspp_mobilenet_v3_large']


def smp_folder(folder):
    import segmentation_models_pytorch as smp
    net = settled(smp.FPN('tu-mobilenetv3_small_050', encoder_weights=None, classes=4))
    net.save_pretrained(folder / 'smp')
    return folder / 'smp', net, []


def segformer_folder(folder):
    transformers = pytest.importorskip('transformers')
    config = transformers.SegformerConfig(
        hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], decoder_hidden_size=16, num_labels=4,
        id2label=dict(enumerate(NAMES)), label2id={n: i for i, n in enumerate(NAMES)})
    torch.manual_seed(0)
    net = transformers.SegformerForSemanticSegmentation(config).eval()
    net.save_pretrained(folder / 'hf')
    return folder / 'hf', lambda x: net(x).logits, []


@pytest.mark.slow
@pytest.mark.parametrize('make', [torchvision_file, smp_folder, segformer_folder])
def test_checkpoint_labels_as_its_framework_does(tmp_path, classes, make):
    """Label maps of 20 pictures are equal but for ties."""
    source, scores, options = make(tmp_path)
    assert imported(source, classes, tmp_path / 'b', '--size', '64x64', *options) == 0
    mean, std = np.float32([123.675, 116.28, 103.53]), np.float32([58.395, 57.12, 57.375])
    same = []
    with Segmenter(load_bundle(tmp_path / 'b'), 'onnxruntime') as segmenter:
        for picture in noise(64, 64):
            x = torch.from_numpy((picture - mean) / std).permute(2, 0, 1)[None]
            with torch.inference_mode():
                wanted = torch.nn.functional.interpolate(
                    scores(x), size=(64, 64), mode='bilinear').argmax(1)[0].numpy()
            same.append(np.mean(segmenter.segment(picture, 'rgb').labels == wanted))
    assert min(same) > 0.9995 and len(same) == 20


@pytest.mark.slow
@pytest.mark.parametrize('spoil, told', [
    (lambda folder: (folder / 'model.safetensors').rename(folder / 'pytorch_model.bin'),
     'weights in pickles are not read'),
    (lambda folder: save_file({'a': torch.zeros(1)}, folder / 'model.safetensors'),
     'weights of another network'),
    (lambda folder: (folder / 'config.json').write_text('{'), 'config.json: not readable'),
    (lambda folder: (folder / 'config.json').write_text(json.dumps({'a': 1})), 'neither a'),
], ids=['pickle', 'other', 'no json', 'no kind'])
def test_damaged_folder_is_one_line(tmp_path, classes, capfd, spoil, told):
    source, _, _ = smp_folder(tmp_path)
    spoil(source)
    assert imported(source, classes, tmp_path / 'b', '--size', '64x64') == 2
    printed = capfd.readouterr().err
    assert told in printed and 'Traceback' not in printed


@pytest.mark.slow
@pytest.mark.skipif(not TOPFORMER.exists(), reason='needs ../shared/weights/lpcv_topformer_tiny')
def test_lpcv_runner_up(tmp_path):
    """Its labels are what ONNX Runtime and OpenCV make of its file; opset 11 is converted."""
    source = next(TOPFORMER.glob('*.onnx'))
    lpcv = Path(__file__).parents[3] / 'config/classes/lpcv2023.yaml'
    assert imported(source, lpcv, tmp_path / 'b', '--normalisation', 'imagenet', '--licence',
                    'Apache-2.0', '--images', TOPFORMER) == 0
    manifest = load_bundle(tmp_path / 'b').manifest
    assert manifest['graphs'][0]['parity']['worst_label_agreement'] > 0.9995
    assert manifest['training']['data'][0]['licence'] == 'Apache-2.0'
    picture = cv2.imread(str(next(TOPFORMER.glob('*.png'))))
    with Segmenter(load_bundle(tmp_path / 'b')) as segmenter:
        labels = segmenter.segment(picture, 'bgr').labels
    assert labels.shape == picture.shape[:2] and np.mean(labels == 5) > 0.4  # debris


HALF = {'image_mean': [0.5, 0.5, 0.5], 'image_std': [0.25, 0.25, 0.25]}


@pytest.mark.parametrize('given, mean, std', [
    pytest.param(None, 123.675, 58.395, id='no file: as ImageNet'),
    pytest.param({}, 123.675, 58.395, id='nothing said: as ImageNet'),
    # (x / 255 - 0.5) / 0.25 = (x - 127.5) / 63.75
    pytest.param(HALF, 127.5, 63.75, id='mean and deviation'),
    pytest.param({**HALF, 'rescale_factor': 1 / 127.5}, 63.75, 31.875, id='another scale'),
    pytest.param({**HALF, 'do_normalize': False}, 0.0, 255.0, id='scaled alone'),
    pytest.param({**HALF, 'do_rescale': False}, 0.5, 0.25, id='normalised alone'),
    pytest.param({'do_rescale': False, 'do_normalize': False}, 0.0, 1.0, id='as they are'),
])
def test_what_a_preprocessor_does_to_pictures(given, mean, std, tmp_path):
    from effvit_compression.importing.checkpoint import preprocessing
    if given is not None:
        (tmp_path / 'preprocessor_config.json').write_text(json.dumps(given))
    found = preprocessing(tmp_path)
    assert (found.mean[0], found.std[0]) == (pytest.approx(mean), pytest.approx(std))


@pytest.mark.parametrize('given', [
    {**HALF, 'image_std': [0.5, 0.5]}, {**HALF, 'image_std': [0, 1, 1]},
    {**HALF, 'image_mean': 'abc'}, {**HALF, 'rescale_factor': 0},
    {**HALF, 'image_mean': [None, 0, 0]}, {'do_rescale': False}, [HALF],
], ids=['two', 'zero', 'a text', 'no scale', 'null', 'nothing to normalise by', 'a list'])
def test_a_preprocessor_that_says_no_numbers_is_refused(given, tmp_path):
    from effvit_compression.importing.checkpoint import preprocessing
    (tmp_path / 'preprocessor_config.json').write_text(json.dumps(given))
    with pytest.raises(UserError, match='preprocessor_config.json: '):
        preprocessing(tmp_path)
