"""What a bundle must be, and the one line for each thing that can be wrong with it."""
from __future__ import annotations

import os
import shutil
import subprocess

import numpy as np
import onnx
import pytest
import yaml
from cpu_runtimes import needs_openvino, RUNTIMES
from tiny_bundle import tiny_labels, write_manifest, write_tiny_bundle

from effvit_ros.core.bundle import (
    BundleError,
    load_bundle,
    MANIFEST,
    pin_problem,
    resolve_model,
    sha256_of,
)
from effvit_ros.core.install_paths import models_directory
from effvit_ros.core.segmenter import Segmenter


@pytest.fixture
def bundle(tmp_path):
    """Return a bundle folder that may be changed."""
    return write_tiny_bundle(tmp_path / 'tiny')


def test_a_good_bundle_loads(bundle):
    loaded = load_bundle(bundle)
    assert (loaded.name, loaded.height, loaded.width) == ('tiny', 64, 64)
    assert loaded.names == ('background', 'red', 'green')
    np.testing.assert_array_equal(loaded.palette, [[0, 0, 0], [255, 0, 0], [0, 255, 0]])
    assert loaded.graph('fp32').opset == 17
    assert len(loaded.sha256) == 64


def _set(*path):
    def change(manifest):
        *parents, key, value = path
        for parent in parents:
            manifest = manifest[parent]
        manifest[key] = value
    return change


@pytest.mark.parametrize('change, message', [
    pytest.param(_set('format_version', 4), 'format_version is 4, this release reads 1',
                 id='newer-format'),
    pytest.param(_set('name', None), 'name is missing', id='missing-key'),
    pytest.param(_set('input', 'height', 'tall'), "input.height is 'tall', not int",
                 id='wrong-type'),
    pytest.param(_set('input', 'width', 0), 'input.width is 0, but must be 1 or more',
                 id='zero-width'),
    pytest.param(_set('input', 'channel_order', 'gbr'), "is 'gbr': give one of rgb, bgr",
                 id='unknown-order'),
    pytest.param(_set('classes', 1, 'id', 5), 'ids must count up', id='gap-in-ids'),
    pytest.param(_set('classes', 1, 'color', [1, 2, 300]), 'give three of 0..255',
                 id='colour-out-of-range'),
    pytest.param(lambda m: m['classes'].pop(), 'tells 3 classes apart, but classes lists 2',
                 id='class-count'),
    pytest.param(_set('ignore', 1), 'ignore is 1, but must be 3..255', id='ignore-is-a-class'),
    pytest.param(_set('graphs', []), 'graphs is empty', id='no-graph'),
    pytest.param(_set('graphs', 0, 'precision', 'fp8'), "precision is 'fp8'",
                 id='unknown-precision'),
    pytest.param(_set('graphs', 0, 'sha256', '0' * 64), 'the file is damaged', id='other-hash'),
    pytest.param(_set('graphs', 0, 'file', '../model.onnx'), 'must be a plain name',
                 id='path-leaves-the-folder'),
    pytest.param(_set('graphs', 0, 'file', '/etc/passwd'), 'must be a plain name',
                 id='absolute-path'),
    pytest.param(_set('graphs', 0, 'file', 'graphs/model.onnx'), 'must be a plain name',
                 id='path-into-a-folder'),
    pytest.param(_set('graphs', 0, 'file', 'model.onnx\0.txt'), 'must be a plain name',
                 id='path-with-a-null'),
    pytest.param(_set('graphs', 0, 'file', '..'), 'not a regular file', id='parent-folder'),
    pytest.param(_set('graphs', 0, 'weights', '../weights.onnx'), 'weights must be a plain name',
                 id='weights-elsewhere'),
    pytest.param(_set('graphs', 0, 'weights', 7), r'graphs\[model.onnx\].weights is 7, not str',
                 id='weights-no-name'),
    pytest.param(_set('graphs', 0, 'file', 'gone.onnx'), 'No such file', id='missing-graph'),
])
def test_a_wrong_manifest_gets_one_line(bundle, change, message):
    manifest = yaml.safe_load((bundle / MANIFEST).read_text())
    change(manifest)
    write_manifest(bundle, manifest)
    with pytest.raises(BundleError, match=message) as error:
        load_bundle(bundle)
    assert '\n' not in str(error.value)


def test_one_altered_byte_of_the_graph_is_refused(bundle):
    graph = bundle / 'model.onnx'
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(content)
    with pytest.raises(BundleError, match='model.onnx: sha256 is'):
        load_bundle(bundle)


def test_weights_that_stand_before_a_graph_are_part_of_it(bundle):
    """Weights and rest are bytes one behind the other, wherever they are cut."""
    content = (bundle / 'model.onnx').read_bytes()
    (bundle / 'weights.onnx').write_bytes(content[:40])
    (bundle / 'model.onnx').write_bytes(content[40:])
    manifest = yaml.safe_load((bundle / MANIFEST).read_text())
    manifest['graphs'][0]['weights'] = 'weights.onnx'
    write_manifest(bundle, {**manifest, 'format_version': 2})
    loaded = load_bundle(bundle)
    assert loaded.graph().read() == content and loaded.graph_bytes == len(content)
    (bundle / 'weights.onnx').write_bytes(content[:40][::-1])
    with pytest.raises(BundleError, match='model.onnx with .*weights.onnx: sha256 is'):
        load_bundle(bundle)


@pytest.mark.parametrize('runtime', RUNTIMES)
@pytest.mark.parametrize('version', [1, 2])
def test_bundles_of_older_formats_load_and_label_as_they_did(bundle, version, runtime):
    manifest = yaml.safe_load((bundle / MANIFEST).read_text())
    if version == 2:
        content = (bundle / 'model.onnx').read_bytes()
        (bundle / 'weights.onnx').write_bytes(content[:40])
        (bundle / 'model.onnx').write_bytes(content[40:])
        manifest['graphs'][0]['weights'] = 'weights.onnx'
    write_manifest(bundle, {**manifest, 'format_version': version})
    pixels = np.random.default_rng(version).integers(0, 256, (64, 64, 3), np.uint8)
    with Segmenter(load_bundle(bundle), runtime) as segmenter:
        labels = segmenter.segment(pixels, 'rgb').labels
        np.testing.assert_array_equal(labels, tiny_labels(pixels))


def pin(bundle):
    """Return what the docs tell the operator to pin: the output of sha256sum."""
    line = subprocess.run(['sha256sum', str(bundle / MANIFEST)], check=True,
                          stdout=subprocess.PIPE, universal_newlines=True).stdout
    return line.split()[0]


def test_a_pinned_bundle_loads_with_the_hash_that_sha256sum_prints(bundle):
    assert load_bundle(bundle, sha256=pin(bundle)).sha256 == pin(bundle)
    assert load_bundle(bundle, sha256=pin(bundle).upper() + '\n').name == 'tiny'
    assert load_bundle(bundle, sha256='0' * 64 + ', ' + pin(bundle)).name == 'tiny'


@pytest.mark.parametrize('text, problem', [
    pytest.param('', None, id='nothing-is-pinned'),
    pytest.param('0aF' + 61 * '9', None, id='one'),
    pytest.param(64 * '0' + ',' + 64 * '1', None, id='one-for-low-power-too'),
    pytest.param(63 * '0', f"holds '{63 * '0'}': give the 64 digits that sha256sum", id='cut'),
    pytest.param(64 * '0' + ', sha256:x', "holds 'sha256:x'", id='no-hash'),
])
def test_what_can_be_pinned(text, problem):
    found = pin_problem(text)
    assert found is None if problem is None else problem in found


@pytest.mark.parametrize('pinned', [
    pytest.param('0' * 64, id='another-hash'), pytest.param('abc', id='no-hash-at-all')])
def test_another_bundle_than_the_pinned_one_is_refused_with_the_cure(bundle, pinned):
    with pytest.raises(BundleError) as error:
        load_bundle(bundle, sha256=pinned)
    message = str(error.value)
    assert pin(bundle) in message and f'{pinned} is pinned' in message
    assert f'sha256sum {bundle / MANIFEST}' in message
    assert '\n' not in message


def test_the_pin_covers_the_graphs_through_the_manifest(bundle):
    pinned = pin(bundle)
    graph = bundle / 'model.onnx'
    graph.write_bytes(graph.read_bytes() + b'\0')
    with pytest.raises(BundleError, match='model.onnx: sha256 is'):
        load_bundle(bundle, sha256=pinned)
    manifest = yaml.safe_load((bundle / MANIFEST).read_text())
    manifest['graphs'][0]['sha256'] = sha256_of(graph)
    write_manifest(bundle, manifest)
    with pytest.raises(BundleError, match='is pinned'):
        load_bundle(bundle, sha256=pinned)


@pytest.mark.parametrize('runtime', RUNTIMES)
def test_a_graph_that_is_exchanged_after_the_check_does_not_run(bundle, runtime):
    pytest.importorskip(runtime)
    loaded = load_bundle(bundle)
    (bundle / 'model.onnx').write_bytes(b'exchanged')
    with pytest.raises(BundleError, match='model.onnx: sha256 is'):
        Segmenter(loaded, runtime)


def test_weights_in_another_file_which_no_hash_covers_are_refused(bundle):
    graph = bundle / 'model.onnx'
    onnx.save(onnx.load(str(graph)), str(graph), save_as_external_data=True,
              location='weights.bin', size_threshold=0)
    manifest = yaml.safe_load((bundle / MANIFEST).read_text())
    manifest['graphs'][0]['sha256'] = sha256_of(graph)
    write_manifest(bundle, manifest)
    with pytest.raises(BundleError, match='keeps weights in another file'):
        load_bundle(bundle)


def test_a_pipe_in_place_of_a_graph_is_refused_rather_than_read(bundle):
    (bundle / 'model.onnx').unlink()
    os.mkfifo(str(bundle / 'model.onnx'))
    with pytest.raises(BundleError, match='not a regular file'):
        load_bundle(bundle)


@pytest.mark.parametrize('content, message', [
    pytest.param(b'a: [', 'not readable as YAML', id='broken-yaml'),
    pytest.param(b'\xff\xfe\x00', 'not readable as YAML', id='not-text'),
    pytest.param(b'- 1', 'holds list', id='not-a-mapping'),
])
def test_an_unreadable_manifest_gets_one_line(bundle, content, message):
    (bundle / MANIFEST).write_bytes(content)
    with pytest.raises(BundleError, match=message) as error:
        load_bundle(bundle)
    assert '\n' not in str(error.value)


def test_a_folder_without_manifest_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match='not a bundle'):
        load_bundle(tmp_path)


@pytest.mark.parametrize('runtime', RUNTIMES)
def test_a_graph_of_another_size_is_refused(bundle, runtime):
    manifest = yaml.safe_load((bundle / MANIFEST).read_text())
    manifest['input']['height'] = 32
    write_manifest(bundle, manifest)
    with pytest.raises(BundleError, match='the manifest asks for'):
        Segmenter(load_bundle(bundle), runtime)


def test_asking_for_an_absent_variant_lists_what_is_there(bundle):
    with pytest.raises(BundleError, match='no int8/uint8 graph.*it has fp32/uint8'):
        load_bundle(bundle).graph('int8')


def add_int8(bundle, **keys):
    """Give a bundle a second graph, named as int8, and the manifest these keys."""
    manifest = yaml.safe_load((bundle / MANIFEST).read_text())
    shutil.copy(bundle / 'model.onnx', bundle / 'model_int8.onnx')
    manifest['graphs'].append(
        {**manifest['graphs'][0], 'file': 'model_int8.onnx', 'precision': 'int8'})
    write_manifest(bundle, {**manifest, **keys})


@needs_openvino
@pytest.mark.parametrize('prefer, expected', [
    pytest.param({'openvino': 'int8'}, {'openvino': 'int8', 'onnxruntime': 'fp32'},
                 id='openvino-alone'),
    pytest.param(None, {'openvino': 'fp32', 'onnxruntime': 'fp32'}, id='none: fp32'),
])
def test_a_runtime_takes_the_precision_that_the_bundle_prefers(bundle, prefer, expected):
    add_int8(bundle, prefer=prefer)
    for runtime, precision in expected.items():
        with Segmenter(load_bundle(bundle), runtime) as segmenter:
            assert segmenter.runtime.description.endswith(precision)


def test_a_preference_can_be_overruled(bundle):
    add_int8(bundle, prefer={'openvino': 'int8'})
    loaded = load_bundle(bundle)
    assert loaded.preferring('openvino', 'fp32').graph_for('openvino').precision == 'fp32'
    assert loaded.graph_for('openvino').precision == 'int8', 'the bundle itself is as it was'
    with pytest.raises(BundleError, match='no fp16/uint8 graph'):
        loaded.preferring('openvino', 'fp16')


@pytest.mark.parametrize('prefer, message', [
    pytest.param({'abacus': 'int8'}, "prefer names 'abacus': give one of openvino, onnxruntime",
                 id='unknown-runtime'),
    pytest.param({'openvino': 'fp16'}, "prefer.openvino is 'fp16': give one of fp32, int8",
                 id='precision-that-it-lacks'),
    pytest.param(['int8'], 'prefer is .* not dict', id='not-a-mapping'),
])
def test_a_wrong_preference_gets_one_line(bundle, prefer, message):
    add_int8(bundle, prefer=prefer)
    with pytest.raises(BundleError, match=message):
        load_bundle(bundle)


def test_an_unknown_model_lists_the_shipped_ones():
    with pytest.raises(BundleError, match="model 'nonesuch'.*shipped: "):
        resolve_model('nonesuch')


def test_every_shipped_bundle_loads_and_fits_in_the_size_budget():
    folders = [m.parent for m in models_directory().glob(f'*/{MANIFEST}')]
    assert folders, 'no bundle is shipped'
    for folder in folders:
        load_bundle(folder)
        assert load_bundle(resolve_model(folder.name)).path == folder
    size = sum(f.stat().st_size for folder in folders for f in folder.rglob('*'))
    assert size <= 60e6
