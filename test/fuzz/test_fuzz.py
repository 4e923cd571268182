"""
Damaged files of every kind that is read from outside: a result, or one line.

A reader may answer or raise UserError with one line; anything else is a fault: another exception,
a warning of the interpreter, gigabytes of memory, or seconds. Seeds are fixed (derandomize).
"""
from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest
import yaml
from bag_files import write_bag
from fuzzing import answers, fuzz
from hypothesis import given
from hypothesis import strategies as st
from live_ros import ROOT
from mutations import damaged, json_text, rewritten

from effvit_ros.bags.bag import Bag
from effvit_ros.bags.frames import recorded_frames
from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.classes import load_classes
from effvit_ros.core.label_files import colours_from_bytes, labels_from_file
from effvit_ros.core.labelled_pictures import read_picture
from effvit_ros.core.pixels import decode_compressed
from effvit_ros.evaluation.compare_reports import main as compare_reports
from effvit_ros.evaluation.evaluate_bag import main as evaluate_bag
from effvit_ros.onboard.vehicle import read_vehicle
from effvit_ros.ros.camera.sources import open_source

pytestmark = pytest.mark.slow


def picture():
    rng = np.random.default_rng(5)
    return cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (64, 48))


def encoded(suffix):
    return cv2.imencode(suffix, picture())[1].tobytes()


PICTURES = {suffix: encoded(suffix)
            for suffix in ('.jpg', '.png', '.bmp', '.tif', '.webp', '.ppm')}


@pytest.mark.parametrize('suffix', PICTURES)
def test_pictures(suffix, folder):
    path = folder / f'picture{suffix}'

    @fuzz(40)
    @given(damaged(PICTURES[suffix]))
    def run(content):
        path.write_bytes(content)
        answers(read_picture, path)
        answers(decode_compressed, content)
    run()


@pytest.mark.parametrize('suffix', ['.png', '.bmp', '.tif'])
def test_masks(suffix, folder):
    path = folder / f'mask{suffix}'
    content = cv2.imencode(suffix, np.kron(np.arange(12, dtype=np.uint8).reshape(3, 4),
                                           np.ones((8, 8), np.uint8)))[1].tobytes()

    @fuzz(40)
    @given(damaged(content))
    def run(content):
        path.write_bytes(content)
        answers(labels_from_file, path)
        answers(colours_from_bytes, content, 'mask')
    run()


@pytest.mark.parametrize('storage, compress', [
    ('mcap', True), ('mcap', False), ('sqlite3', False)])
def test_bags(storage, compress, folder):
    whole = write_bag(folder / f'whole_{storage}_{compress}', 4, storage=storage,
                      compress=compress)
    file, = [f for f in whole.iterdir() if f.suffix in ('.mcap', '.db3')]

    def read(path):
        with Bag(path) as bag:
            for topic in bag.topics:
                if bag.topics[topic].type.endswith('Image'):
                    for frame in recorded_frames(bag, topic):
                        assert frame.picture.pixels.size

    lone = folder / f'lone{file.suffix}'

    @fuzz(30)
    @given(damaged(file.read_bytes()))
    def run(content):
        lone.write_bytes(content)
        answers(read, lone)
    run()

    beside = folder / f'described_{storage}_{compress}'
    shutil.copytree(whole, beside)
    metadata = yaml.safe_load((whole / 'metadata.yaml').read_text())

    @fuzz(30)
    @given(st.one_of(damaged((whole / 'metadata.yaml').read_bytes()), rewritten(metadata)))
    def run_metadata(content):
        (beside / 'metadata.yaml').write_bytes(content)
        answers(read, beside)
    run_metadata()


def test_a_damaged_bag_gives_a_whole_report_or_none(folder, tiny_bundle, capsys):
    whole = write_bag(folder / 'reported', 3)
    file, = whole.glob('*.mcap')
    lone, out = folder / 'reported.mcap', folder / 'report'

    @fuzz(5)
    @given(damaged(file.read_bytes()))
    def run(content):
        lone.write_bytes(content)
        shutil.rmtree(out, ignore_errors=True)
        code = evaluate_bag([str(lone), '--bundle', str(tiny_bundle), '--out', str(out)])
        assert code in (0, 1, 2)
        assert 'Traceback' not in capsys.readouterr().err
        if (out / 'report.json').exists():
            json.loads((out / 'report.json').read_text())
        assert not out.exists() or [f for f in out.rglob('*') if f.name.endswith('.tmp')] == []
    run()


def test_videos(folder):
    path = folder / 'whole.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (64, 48))
    for _ in range(5):
        writer.write(picture())
    writer.release()
    cut = folder / 'cut.avi'

    def read():
        source = open_source('video', str(cut), loop=False)
        try:
            for _ in range(50):
                if source.read() is None:
                    break
        finally:
            source.close()

    @fuzz(30)
    @given(damaged(path.read_bytes()))
    def run(content):
        cut.write_bytes(content)
        answers(read)
    run()


def recipe(path):
    from effvit_compression.recipe import load_recipe
    return load_recipe(path)


def description(path):
    from effvit_compression.data.description import load_description
    return load_description(path)


def engine(path):
    from effvit_ros.core.runtimes.tensorrt.store import _read_sidecar
    return _read_sidecar(path)


SIDECAR = {
    'format_version': 1, 'bundle': 'tiny', 'key': {
        'runtime': 'tensorrt', 'version': '10.3.0', 'gpu': 'Orin', 'compute_capability': '8.7',
        'precision': 'fp16', 'io': 'uint8', 'shape': [1, 64, 64, 3], 'graph_sha256': '0' * 64},
    'engine': {'file': 'x.engine', 'sha256': '0' * 64, 'bytes': 3}, 'build': {}}
CONFIG = ROOT / 'config'
TEXTS = {
    'classes': (load_classes, CONFIG / 'classes' / 'lpcv2023.yaml'),
    'vehicle': (read_vehicle, CONFIG / 'vehicles' / 'example.yaml'),
    'recipe': (recipe, CONFIG / 'recipes' / 'smoke.yaml'),
    'ablation': (recipe, CONFIG / 'recipes' / 'ablation.yaml'),
    'description': (description, CONFIG / 'datasets' / 'uavid.yaml'),
    'sidecar': (engine, SIDECAR),
}


@pytest.mark.parametrize('kind', TEXTS)
def test_texts(kind, folder):
    if kind in ('recipe', 'ablation', 'description'):
        pytest.importorskip('effvit_compression')
    read, source = TEXTS[kind]
    text = yaml.safe_dump(source) if isinstance(source, dict) else source.read_text('utf-8')
    path = folder / f'{kind}.yaml'
    path.write_text(text)
    assert answers(read, path), 'and the libraries are loaded'

    @fuzz(60)
    @given(st.one_of(rewritten(yaml.safe_load(text)), damaged(text.encode())))
    def run(content):
        path.write_bytes(content)
        answers(read, path)
    run()


def test_manifests(folder, tiny_bundle):
    copy = shutil.copytree(tiny_bundle, folder / 'bundle')
    text = (tiny_bundle / 'manifest.yaml').read_text()

    @fuzz(100)
    @given(st.one_of(rewritten(yaml.safe_load(text)), damaged(text.encode())))
    def run(content):
        (copy / 'manifest.yaml').write_bytes(content)
        answers(load_bundle, copy)
    run()


def test_graphs_are_read_by_their_hash_or_not_at_all(folder, tiny_bundle):
    copy = shutil.copytree(tiny_bundle, folder / 'graphs')
    whole = (copy / 'model.onnx').read_bytes()

    @fuzz(30)
    @given(damaged(whole))
    def run(content):
        (copy / 'model.onnx').write_bytes(content)
        assert answers(load_bundle, copy) == (content == whole)
    run()


@pytest.mark.parametrize('name', ['report.json', 'frames.jsonl'])
def test_reports_for_compare(name, folder, tiny_bundle, capsys):
    bag = write_bag(folder / f'flight_{name}', 3)
    whole, other = folder / f'whole_{name}', folder / f'other_{name}'
    assert evaluate_bag([str(bag), '--bundle', str(tiny_bundle), '--out', str(whole)]) == 0
    shutil.copytree(whole, other)
    text = (whole / name).read_text()
    lines = [json.loads(line) for line in text.splitlines()] if name.endswith('l') else None

    def dump(document):
        return json_text(document) if lines is None else '\n'.join(map(json_text, document))

    @fuzz(20)
    @given(st.one_of(rewritten(json.loads(text) if lines is None else lines, dump),
                     damaged(text.encode())))
    def run(content):
        (other / name).write_bytes(content)
        capsys.readouterr()
        code = compare_reports([str(whole), str(other), '--resamples', '10'])
        said = capsys.readouterr().err
        assert code in (0, 2)
        assert code == 0 or (said.startswith('error: ') and said.count('\n') == 1), said
    run()


