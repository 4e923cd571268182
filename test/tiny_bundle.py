"""A real bundle that needs no training: its graph tells pixels apart by colour."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from effvit_ros.core.bundle import MANIFEST, sha256_of
from effvit_ros.core.classes import lpcv_classes

CLASSES = ('background', 'red', 'green')
COLORS = ([0, 0, 0], [255, 0, 0], [0, 255, 0])


def write_tiny_bundle(folder, height=64, width=64, precision='fp32', scores=False) -> Path:
    """
    Write a bundle into ``folder`` and return it.

    Its graph gives class 1 where red > 127, else 2 where green > 127, else 0: as labels (format
    1), or as the highest of three scores at each pixel (format 3).
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    import onnx
    onnx.save(_graph(height, width, scores), str(folder / 'model.onnx'))
    write_manifest(folder, {
        'format_version': 3 if scores else 1, 'name': 'tiny', 'ignore': 255,
        'input': {'height': height, 'width': width, 'channel_order': 'rgb'},
        'classes': [{'id': i, 'name': name, 'color': color}
                    for i, (name, color) in enumerate(zip(CLASSES, COLORS))],
        'graphs': [{'file': 'model.onnx', 'sha256': sha256_of(folder / 'model.onnx'),
                    'precision': precision, 'io': 'uint8', 'opset': 17,
                    'classes': len(CLASSES)}],
        'terms': 'for tests'})
    return folder


def write_lpcv_bundle(folder) -> Path:
    """Write the same, but it claims LPCV's classes, of which it finds the first three."""
    bundle = write_tiny_bundle(folder)
    manifest = yaml.safe_load((bundle / MANIFEST).read_text(encoding='utf-8'))
    manifest['classes'] = lpcv_classes().as_fields()['classes']
    manifest['graphs'][0]['classes'] = len(manifest['classes'])
    write_manifest(bundle, manifest)
    return bundle


def write_manifest(folder, manifest):
    """Write ``manifest`` as the bundle's."""
    (Path(folder) / MANIFEST).write_text(yaml.safe_dump(manifest), encoding='utf-8')


def tiny_labels(rgb):
    """Return what the graph answers for an (H, W, 3) RGB picture, computed by numpy."""
    return np.where(rgb[..., 0] > 127, 1, np.where(rgb[..., 1] > 127, 2, 0)).astype(np.uint8)


def _graph(height, width, gives_scores):
    from onnx import helper, numpy_helper, TensorProto

    def constant(name, value, dtype):
        return numpy_helper.from_array(np.array(value, dtype), name)

    # Scores [background, red, green] of each pixel, highest wins: 127.5, 2 * red, green with
    # red above 127 always beating green's at most 255.
    nodes = [
        helper.make_node('Cast', ['image'], ['pixels'], to=TensorProto.FLOAT),
        helper.make_node('MatMul', ['pixels', 'weights'], ['weighted']),
        helper.make_node('Add', ['weighted', 'bias'], ['scores']),
    ]
    if gives_scores:
        nodes.append(helper.make_node('Transpose', ['scores'], ['answer'], perm=[0, 3, 1, 2]))
        answer = helper.make_tensor_value_info(
            'answer', TensorProto.FLOAT, [1, len(CLASSES), height, width])
    else:
        nodes += [helper.make_node('ArgMax', ['scores'], ['winner'], axis=3, keepdims=0),
                  helper.make_node('Cast', ['winner'], ['labels'], to=TensorProto.UINT8)]
        answer = helper.make_tensor_value_info('labels', TensorProto.UINT8, [1, height, width])
    weights = [[0, 1000, 0], [0, 0, 1], [0, 0, 0]]
    graph = helper.make_graph(
        nodes, 'tiny',
        [helper.make_tensor_value_info('image', TensorProto.UINT8, [1, height, width, 3])],
        [answer],
        [constant('weights', weights, np.float32),
         constant('bias', [127.5, 127.5 - 127500, 0], np.float32)])
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
