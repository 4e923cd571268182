"""A graph that loads and then does not run, as INT8 graphs that were made for OpenVINO."""
from __future__ import annotations

import numpy as np
import pytest
from tiny_bundle import write_manifest, write_tiny_bundle
from yaml import safe_load

from effvit_ros.core.bundle import load_bundle, sha256_of
from effvit_ros.core.runtime import RuntimeUnavailable

pytest.importorskip('onnxruntime')
from effvit_ros.core.runtimes.onnxruntime_cpu import OnnxRuntimeRuntime  # noqa: E402


def test_a_graph_that_loads_but_cannot_run_is_one_line(tmp_path):
    """Row 99 of 4 rows is added to the labels: that it is 99 is known only once a picture came."""
    onnx = pytest.importorskip('onnx')
    from onnx import helper, numpy_helper, TensorProto
    folder = write_tiny_bundle(tmp_path / 'bundle', 4, 6)
    model = onnx.load(folder / 'model.onnx')
    graph, answer = model.graph, model.graph.output[0].name
    graph.node[-1].output[0] = 'right'
    for name, value in (('zero', 0), ('ninety-nine', 99)):
        graph.initializer.append(numpy_helper.from_array(np.array([value], np.int64), name))
    graph.node.extend([
        helper.make_node('Cast', [graph.input[0].name], ['floats'], to=TensorProto.FLOAT),
        helper.make_node('ReduceMax', ['floats'], ['brightest'], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node('Unsqueeze', ['brightest', 'zero'], ['bright']),
        helper.make_node('Cast', ['bright'], ['whole'], to=TensorProto.INT64),
        helper.make_node('Add', ['whole', 'ninety-nine'], ['row']),
        helper.make_node('Gather', ['right', 'row'], ['added'], axis=1),
        helper.make_node('Add', ['right', 'added'], [answer])])
    onnx.save(model, str(folder / 'model.onnx'))
    manifest = safe_load((folder / 'manifest.yaml').read_text())
    manifest['graphs'][0]['sha256'] = sha256_of(folder / 'model.onnx')
    write_manifest(folder, manifest)
    with pytest.raises(RuntimeUnavailable, match='loads it but cannot run it: take another'):
        OnnxRuntimeRuntime(load_bundle(folder))
