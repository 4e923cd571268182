"""INT8: what is calibrated runs as integers, is priced honestly and kept only where it pays."""
from __future__ import annotations

import json
import sys
from importlib.util import find_spec

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper, TensorProto
from tiny_bundle import tiny_labels, write_tiny_bundle

from effvit_compression.cli import main
from effvit_compression.export import add_int8 as add_int8_module
from effvit_compression.export.add_int8 import add_int8, Int8Rejected
from effvit_compression.export.int8 import evenly_spaced, to_int8, with_full_weights
from effvit_compression.export.price import (
    as_result,
    class_losses,
    ClassLoss,
    measure_price,
    of_result,
    Price,
    PriceSet,
)
from effvit_compression.models.factory import build
from effvit_compression.models.store import save_model
from effvit_compression.pipeline import Run
from effvit_compression.recipe import recipe_of
from effvit_compression.stages import export, quantize
from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.errors import UserError
from effvit_ros.core.metrics import ConfusionMatrix
from effvit_ros.core.segmenter import Segmenter

needs_nncf = pytest.mark.skipif(
    not (find_spec('nncf') and find_spec('openvino')),
    reason='NNCF or OpenVINO is not installed: pip install nncf openvino')


def price(loss=0.0, mean=0.99, speedup=1.5, labelled=True, person=0.0):
    """Return a price by its figures."""
    scores = [{'data': 'a/val', 'n_images': 1, 'miou_fp32': 0.5, 'miou_int8': 0.6},
              {'data': 'b/val', 'n_images': 1, 'miou_fp32': 0.5, 'miou_int8': 0.5 - loss}]
    return Price(0.9, mean, scores if labelled else [], speedup, 'Calibrated on nothing.',
                 ClassLoss('person', 'b/val', 0.12, 0.12 - person) if labelled else None)


@pytest.mark.parametrize('found, reason', [
    pytest.param(price(), '', id='free'),
    pytest.param(price(loss=0.01), '', id='as much lost as may be'),
    pytest.param(price(loss=0.02), 'loses 0.0200 mIoU, 0.01 may be lost',
                 id='a set that gains does not pay for one that loses'),
    pytest.param(price(person=0.05), '', id='as much lost of a class as may be'),
    pytest.param(price(person=0.12), 'person loses 0.1200 IoU on b/val (0.1200 to 0.0000), 0.05 '
                 'may be lost', id='a class that vanishes from an mIoU that stays'),
    pytest.param(price(speedup=0.8), '1.25 times as long as FP32', id='slower'),
    pytest.param(price(labelled=False), '', id='without labels, alike'),
    pytest.param(price(labelled=False, mean=0.9), 'agrees with FP32 on 0.9000',
                 id='without labels, unlike'),
])
def test_what_is_worth_having(found, reason):
    refusal = found.refusal(0.01)
    assert (reason in refusal) if reason else (refusal == '')


def test_the_class_that_loses_most_is_found_among_those_that_occur():
    confusions = {'fp32': ConfusionMatrix(3), 'int8': ConfusionMatrix(3)}
    truth = np.uint8([[0, 0, 0, 1]])
    confusions['fp32'].update(truth, np.uint8([[0, 0, 0, 1]]))
    confusions['int8'].update(truth, np.uint8([[0, 0, 0, 0]]))
    found = class_losses('a/val', ('land', 'person', 'absent'), confusions)
    assert found == [('land', 'a/val', 1.0, 0.75), ('person', 'a/val', 1.0, 0.0)]
    assert [entry.loss for entry in found] == [0.25, 1.0]


def test_a_price_survives_the_stages_result_file():
    found = price(person=0.01)
    assert of_result(json.loads(json.dumps(as_result(found)))) == found
    older = {key: value for key, value in as_result(found).items() if key != 'worst_class'}
    assert of_result(older).worst_class is None


@pytest.mark.parametrize('n, count, expected', [
    (10, 5, [0, 2, 4, 6, 8]), (3, 5, [0, 1, 2]), (7, 3, [0, 2, 4]), (0, 3, [])])
def test_evenly_spaced_by_hand(n, count, expected):
    assert evenly_spaced(range(n), count) == expected


def test_weights_in_half_precision_are_unfolded():
    half = numpy_helper.from_array(np.array([[1.5], [2.5]], np.float16), 'w.half')
    graph = helper.make_model(helper.make_graph(
        [helper.make_node('Cast', ['w.half'], ['w'], to=TensorProto.FLOAT),
         helper.make_node('MatMul', ['x', 'w'], ['y'])], 'g',
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, [1, 1])], [half]))
    full = with_full_weights(graph)
    onnx.checker.check_model(full, full_check=True)
    assert [node.op_type for node in full.graph.node] == ['MatMul']
    weight, = full.graph.initializer
    assert (weight.name, weight.data_type) == ('w', TensorProto.FLOAT)
    assert numpy_helper.to_array(weight).tolist() == [[1.5], [2.5]]
    assert len(graph.graph.node) == 2, 'the graph handed in is as it was'


@pytest.fixture
def bundle(tmp_path):
    """Return a bundle folder of 64 x 64 pixels."""
    return write_tiny_bundle(tmp_path / 'tiny')


@pytest.fixture
def pictures():
    """Return pictures of the bundle's size."""
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (4, 64, 64, 3), np.uint8))


@pytest.fixture
def worthwhile(monkeypatch):
    """Let INT8 be twice as fast; on a graph this small, time says nothing."""
    monkeypatch.setattr(add_int8_module, 'measure_price', lambda *arguments: measure_price(
        *arguments)._replace(speedup=2.0))


@needs_nncf
def test_the_graph_computes_with_integers(bundle, pictures):
    plain = onnx.load(str(bundle / 'model.onnx'))
    graph = to_int8(plain, pictures)
    kinds = [node.op_type for node in graph.graph.node]
    assert 'QuantizeLinear' in kinds and 'DequantizeLinear' in kinds
    assert [(i.name, i.type) for i in graph.graph.input] == [
        (i.name, i.type) for i in plain.graph.input]
    assert not any(node.op_type == 'QuantizeLinear' for node in plain.graph.node)


@needs_nncf
@pytest.mark.usefixtures('worthwhile')
def test_a_bundle_gets_int8_for_openvino_with_its_price(bundle, pictures, tmp_path):
    truths = [tiny_labels(picture) for picture in pictures]
    found = add_int8(bundle, tmp_path / 'new' / 'small', pictures,
                     [PriceSet('tiny/val', list(zip(pictures, truths)))], 0.5, '4 pictures',
                     most_lost_class=1.0)
    assert found.scores[0]['miou_fp32'] == 1 and 0.5 < found.scores[0]['miou_int8'] <= 1
    assert 0.5 < found.worst <= found.mean <= 1
    new = load_bundle(tmp_path / 'new' / 'small')
    assert [g.precision for g in new.graphs] == ['fp32', 'int8']
    assert new.manifest['graphs'][1]['price'] == found.scores
    for runtime, precision in (('openvino', 'int8'), ('onnxruntime', 'fp32')):
        with Segmenter(new, runtime) as segmenter:
            assert segmenter.runtime.description.endswith(precision)
    assert [p.name for p in (tmp_path / 'new').iterdir()] == ['small'], 'nothing else is left'


@needs_nncf
@pytest.mark.usefixtures('worthwhile')
def test_a_second_time_replaces_the_first(bundle, pictures):
    (bundle / 'README.md').write_text('# tiny\n\nA card.\n')
    for _ in range(2):
        add_int8(bundle, bundle, pictures[:1], [PriceSet('tiny', [(pictures[1], None)])], 0.5,
                 'one picture')
    card = (bundle / 'README.md').read_text()
    assert card.startswith('# tiny\n\nA card.\n\n## INT8\n') and card.count('## INT8') == 1
    assert len(load_bundle(bundle).graphs) == 2


@needs_nncf
def test_a_price_too_high_leaves_everything_as_it_was(bundle, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(add_int8_module, 'measure_price', lambda *_: price(loss=0.02))
    with pytest.raises(Int8Rejected, match='INT8 is left out: it loses 0.0200 mIoU'):
        add_int8(bundle, tmp_path / 'new', pictures, [], 0.01, '')
    assert [p.name for p in tmp_path.iterdir()] == ['tiny']


def test_a_place_that_can_not_be_written_gets_one_line(bundle, pictures):
    with pytest.raises(UserError, match='model.onnx/new: not written: '):
        add_int8(bundle, bundle / 'model.onnx' / 'new', pictures, [], 0.01, '')


def test_a_folder_that_is_no_bundle_is_not_replaced(bundle, pictures, tmp_path):
    with pytest.raises(UserError, match='no bundle, and not empty: give a new folder'):
        add_int8(bundle, tmp_path, pictures, [], 0.01, '')
    assert load_bundle(bundle).name == 'tiny'


def test_without_nncf_one_line_says_what_to_install(bundle, pictures, monkeypatch):
    monkeypatch.setitem(sys.modules, 'nncf', None)
    with pytest.raises(UserError, match=r'INT8 needs NNCF .*pip install nncf'):
        to_int8(onnx.load(str(bundle / 'model.onnx')), pictures)


@pytest.fixture
def folder(tmp_path, pictures):
    """Return a folder of six pictures and their labels, of another size than the bundle's."""
    for kind in ('images', 'labels'):
        (tmp_path / kind).mkdir()
    for index, picture in enumerate([*pictures, *pictures[:2]]):
        picture = cv2.resize(picture, (96, 80), interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(tmp_path / 'images' / f'{index}.png'), picture[..., ::-1])
        cv2.imwrite(str(tmp_path / 'labels' / f'{index}.png'), tiny_labels(picture))
    return tmp_path


@needs_nncf
@pytest.mark.usefixtures('worthwhile')
def test_the_command_calibrates_on_some_and_measures_on_others(bundle, folder, capsys):
    assert main(['quantize', '--bundle', str(bundle), '--images', str(folder / 'images'),
                 '--labels', str(folder / 'labels'), '--out', str(folder / 'new'),
                 '--most-lost', '0.5', '--most-lost-class', '1',
                 '--json', str(folder / 'price.json')]) == 0
    report = json.loads((folder / 'price.json').read_text())
    assert [(e['data'], e['n_images']) for e in report['scores']] == [('images', 2)]
    assert 'on 4 pictures of images' in report['origin'], 'two of six are held out'
    assert 'labels equal to FP32' in capsys.readouterr().out
    assert load_bundle(folder / 'new').graph_for('openvino').precision == 'int8'


@needs_nncf
@pytest.mark.usefixtures('worthwhile')
def test_labels_without_a_labelled_pixel_are_none(bundle, folder, capsys):
    for path in (folder / 'labels').iterdir():
        cv2.imwrite(str(path), np.full((80, 96), 255, np.uint8))
    assert main(['quantize', '--bundle', str(bundle), '--images', str(folder / 'images'),
                 '--labels', str(folder / 'labels'), '--out', str(folder / 'new'),
                 '--json', str(folder / 'price.json')]) == 0
    assert json.loads((folder / 'price.json').read_text())['scores'] == []
    assert 'nan' not in (folder / 'new/README.md').read_text()


@pytest.mark.parametrize('arguments, complaint', [
    pytest.param(['--data', 'd.yaml', '--labels', 'l'], '--labels belongs to --images',
                 id='labels of a dataset'),
    pytest.param(['--images', 'i', '--most-lost', 'nan'], '--most-lost nan: give 0 to 1',
                 id='no loss'),
    pytest.param([], 'give either --data or --images', id='no pictures'),
    pytest.param(['--data', 'd.yaml', '--images', 'i'], 'give either --data or --images',
                 id='both'),
    pytest.param(['--images', 'nowhere'], 'nowhere: no such folder', id='no folder'),
    pytest.param(['--images', '{}/labels', '--labels', '{}/images', '--pictures', '0'],
                 '--pictures 0: give 1 or more', id='nothing to calibrate on'),
])
def test_the_command_refuses_in_one_line(bundle, folder, capsys, arguments, complaint):
    arguments = [argument.format(folder) for argument in arguments]
    assert main(['quantize', '--bundle', str(bundle), '--out', str(folder / 'new'),
                 *arguments]) == 2
    error = capsys.readouterr().err
    assert complaint in error and error.count('\n') == 1
    assert not (folder / 'new').exists()


@needs_nncf
@pytest.mark.slow
@pytest.mark.usefixtures('worthwhile')
def test_the_pipeline_quantises_the_student_and_ships_both(dataset, tmp_path):
    recipe = recipe_of({
        'name': 'small', 'size': 64, 'data': [{'dataset': str(dataset)}],
        'student': {'encoder': 'mobilevit_xxs', 'decoder_channels': 8},
        'baseline': {'training': {}}, 'export': {'name': 'small'},
        'quantize': {'fp16': False, 'int8': {
            'pictures': 2, 'most_lost': 1, 'most_lost_class': 1}}}, tmp_path / 'r.yaml')
    run = Run(recipe, tmp_path / 'out', say=lambda line: None)
    torch.manual_seed(0)
    save_model(build(recipe.student), run.place('baseline'))
    run.results['baseline'] = {}
    for stage in (quantize, export):
        place = run.place(stage.__name__.rsplit('.', 1)[-1])
        place.mkdir()
        run.results[place.name] = stage.run(run, place)
    found = run.results['quantize']['int8']['price']
    assert 0 < found['worst'] <= found['mean'] < 1, 'of an untrained network'
    bundle = load_bundle(tmp_path / 'out' / 'export' / 'small')
    assert bundle.graph_for('openvino').precision == 'int8'
    assert bundle.graph_for('onnxruntime').precision == 'fp32'
    sizes = {g.precision: g.path.stat().st_size for g in bundle.graphs}
    assert sizes['int8'] < sizes['fp32'] / 2
    card = ' '.join((bundle.path / 'README.md').read_text().split())
    assert 'Calibrated by NNCF' in card and '| tiny/val | 1 |' in card


@pytest.mark.parametrize('precision, code', [('auto', 0), ('fp32', 0), ('int8', 2)])
def test_evaluate_takes_the_precision_that_is_asked_for(bundle, folder, capsys, precision, code):
    assert main(['evaluate', '--bundle', str(bundle), '--images', str(folder / 'images'),
                 '--labels', str(folder / 'labels'), '--precision', precision]) == code
    assert ('no int8/uint8 graph' in capsys.readouterr().err) == (precision == 'int8')
