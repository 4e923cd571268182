"""A real bundle with the three graphs that TensorRT builds from, small and without training."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
from tiny_bundle import CLASSES, COLORS, write_manifest

from effvit_ros.core.bundle import sha256_of

#: precision, I/O type, opset: FP16 for strongly typed releases, opset 13 for the Nano.
VARIANTS = (('fp32', 'uint8', 17), ('fp16', 'uint8', 17), ('fp32', 'float32', 13))


def write_engine_bundle(folder, height=64, width=96, scores=False) -> Path:
    """
    Write a bundle whose graphs answer as :func:`tiny_bundle.tiny_labels` does.

    :param scores: they end at scores (format 3), not at labels (format 1).
    """
    folder = Path(folder)
    folder.mkdir(parents=True)
    graphs = []
    for precision, io, opset in VARIANTS:
        name = f'{precision}_{io}.onnx'
        onnx.save(_graph(height, width, precision, io, opset, scores), str(folder / name))
        graphs.append({'file': name, 'sha256': sha256_of(folder / name), 'precision': precision,
                       'io': io, 'opset': opset, 'classes': len(CLASSES)})
    write_manifest(folder, {
        'format_version': 3 if scores else 1, 'name': 'tiny', 'ignore': 255,
        'input': {'height': height, 'width': width, 'channel_order': 'rgb'},
        'classes': [{'id': i, 'name': name, 'color': color}
                    for i, (name, color) in enumerate(zip(CLASSES, COLORS))],
        'graphs': graphs, 'terms': 'for tests'})
    return folder


def _graph(height, width, precision, io, opset, gives_scores):
    """Return a graph with a softmax in it, which must stay in FP32."""
    real = TensorProto.FLOAT16 if precision == 'fp16' else TensorProto.FLOAT
    numbers = np.float16 if precision == 'fp16' else np.float32
    source = TensorProto.UINT8 if io == 'uint8' else TensorProto.FLOAT
    target = TensorProto.UINT8 if io == 'uint8' else TensorProto.INT32
    # Scores of [other, red, green] in steps of 1/100 of a grey value: red above 127 beats all.
    weights = [[0, 10, 0], [0, 0, .01], [0, 0, 0]]
    nodes = [
        helper.make_node('Cast', ['image'], ['pixels'], to=real),
        helper.make_node('MatMul', ['pixels', 'weights'], ['weighted']),
        helper.make_node('Add', ['weighted', 'bias'], ['typed']),
        helper.make_node('Cast', ['typed'], ['scores'], to=TensorProto.FLOAT),
        helper.make_node('Softmax', ['scores'], ['shares'], axis=3),
    ]
    if gives_scores:
        nodes.append(helper.make_node('Transpose', ['shares'], ['answer'], perm=[0, 3, 1, 2]))
        answer = helper.make_tensor_value_info(
            'answer', TensorProto.FLOAT, [1, len(CLASSES), height, width])
    else:
        nodes += [helper.make_node('ArgMax', ['shares'], ['winner'], axis=3, keepdims=0),
                  helper.make_node('Cast', ['winner'], ['labels'], to=target)]
        answer = helper.make_tensor_value_info('labels', target, [1, height, width])
    graph = helper.make_graph(
        nodes, 'tiny',
        [helper.make_tensor_value_info('image', source, [1, height, width, 3])],
        [answer],
        [numpy_helper.from_array(np.array(weights, numbers), 'weights'),
         numpy_helper.from_array(np.array([1.275, 1.275 - 1275, 0], numbers), 'bias')])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=8)
