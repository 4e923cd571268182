"""
Damaged files of other tools: exports of labels, networks to import, video packets.

As in test_fuzz.py: a result, or one line, with fixed seeds.
"""
from __future__ import annotations

import io
import json
import shutil
import zipfile

import cv2
import numpy as np
import pytest
from fuzzing import answers, fuzz
from hypothesis import given
from hypothesis import strategies as st
from mutations import damaged, json_text, rewritten

pytest.importorskip('effvit_compression', reason='make setup-train')
import label_exports  # noqa: E402

from effvit_compression.data.importers.export import Options  # noqa: E402
from effvit_compression.data.importers.forms import read_export, unpacked  # noqa: E402
from effvit_compression.data.importers.mapping import table_of  # noqa: E402
from effvit_compression.data.importers.pack import pack, Refused  # noqa: E402

pytestmark = pytest.mark.slow

NAMES = label_exports.NAMES
#: Form -> (how an export is written, its file that is damaged).
EXPORTS = {
    'cvat': (label_exports.cvat, 'annotations.xml'),
    'cvat masks': (label_exports.segmentation_mask, 'labelmap.txt'),
    'cvat mask': (label_exports.segmentation_mask, 'SegmentationClass/flight_0010.png'),
    'coco': (lambda root: label_exports.coco_masks(root, False),
             'annotations/instances_default.json'),
    'coco compressed': (lambda root: label_exports.coco_masks(root, True),
                        'annotations/instances_default.json'),
    'coco panoptic': (label_exports.coco_panoptic, 'annotations/panoptic.json'),
    'label studio': (label_exports.label_studio, 'project-1.json'),
    'roboflow': (label_exports.roboflow, 'train/_classes.csv'),
    'labelme': (label_exports.labelme, '**/*.json'),
    'supervisely': (label_exports.supervisely, 'meta.json'),
    'supervisely annotation': (label_exports.supervisely, '**/ann/*.json'),
    'picture': (label_exports.cvat, 'images/flight_0011.jpg'),
}


def import_export(path, out):
    """Do what ``data-import`` does; a dataset is written whole or not at all."""
    shutil.rmtree(out, ignore_errors=True)
    try:
        with unpacked(path, out.parent) as place:
            export = read_export(place, '', Options())
            table = table_of(export, NAMES, {})
            pack(export, [place], out, NAMES, table)
    except Refused as error:
        assert error.problems and not any('\n' in problem for problem in error.problems)
        raise
    finally:
        assert not list(out.parent.glob('.import-*'))
        assert not out.exists() or (out / 'dataset.yaml').exists()


@pytest.mark.parametrize('kind', EXPORTS)
def test_exports_of_labels(kind, folder):
    write, name = EXPORTS[kind]
    root = folder / kind.replace(' ', '_')
    root.mkdir()
    write(root)
    path = sorted(root.glob(name))[0]
    whole = path.read_bytes()
    out = folder / f'{root.name}_out'
    assert answers(import_export, root, out)
    content = damaged(whole)
    if path.suffix == '.json':
        content = st.one_of(rewritten(json.loads(whole), json_text), content)

    @fuzz(12)
    @given(content)
    def run(content):
        path.write_bytes(content)
        answers(import_export, root, out)
    run()


def test_zipped_exports(folder):
    root = folder / 'zipped'
    root.mkdir()
    label_exports.cvat(root)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, 'w', zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.rglob('*')):
            archive.write(path, path.relative_to(root))
    path, out = folder / 'export.zip', folder / 'zipped_out'

    @fuzz(20)
    @given(damaged(whole.getvalue()))
    def run(content):
        path.write_bytes(content)
        answers(import_export, path, out)
    run()


def test_onnx_networks(folder, tiny_bundle):
    from effvit_compression.importing.onnx_file import read_onnx
    from effvit_compression.importing.source import Normalisation
    path = folder / 'network.onnx'
    whole = (tiny_bundle / 'model.onnx').read_bytes()

    @fuzz(10)
    @given(damaged(whole))
    def run(content):
        path.write_bytes(content)
        answers(read_onnx, path, (64, 64), Normalisation.named('unit'), '', 'rgb', '')
    run()


PREPROCESSOR = {'image_mean': [0.5, 0.4, 0.3], 'image_std': [0.2, 0.2, 0.2], 'do_rescale': True,
                'do_normalize': True, 'rescale_factor': 1 / 255}


@pytest.mark.parametrize('name', ['config.json', 'preprocessor_config.json', 'model.safetensors'])
def test_checkpoints(name, folder):
    from safetensors.numpy import save

    from effvit_compression.importing.checkpoint import preprocessing, read_config, weights_in
    read, whole = {
        'config.json': (read_config, b'{"_model_class": "Unet", "classes": 3}'),
        'preprocessor_config.json': (preprocessing, json.dumps(PREPROCESSOR).encode()),
        'model.safetensors': (weights_in, save({'a.weight': np.ones((2, 3), np.float32)})),
    }[name]
    content = damaged(whole)
    if name.endswith('.json'):
        content = st.one_of(rewritten(json.loads(whole), json_text), content)

    @fuzz(100)
    @given(content)
    def run(content):
        (folder / name).write_bytes(content)
        answers(read, folder)
    run()


def test_video_packets():
    pytest.importorskip('av', reason='PyAV is not installed: pip install av')
    from video_files import encode

    from effvit_ros.core.video_packets import VideoDecoder
    pixels = cv2.resize(np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5, (64, 48))
    packets = encode([np.roll(pixels, 3 * index, 1) for index in range(6)])

    @fuzz(40)
    @given(st.integers(0, 5).flatmap(lambda i: st.tuples(st.just(i), damaged(packets[i]))))
    def run(place):
        index, content = place
        decoder = VideoDecoder()
        for number, packet in enumerate(packets):
            answers(decoder.decode, content if number == index else packet, 'h264')
    run()
