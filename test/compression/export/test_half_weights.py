"""An FP32 graph can take weights that are stored in half precision."""
from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper, TensorProto

from effvit_compression.export.half import to_half
from effvit_compression.export.half_weights import with_half_weights

SIDE = 24  # 24 x 24 halves are 1,152 bytes: large enough to be worth it


@pytest.fixture
def full():
    """Return y = x * w + b with w of SIDE x SIDE and b of SIDE, in FP32."""
    rng = np.random.default_rng(0)
    weights = {'w': rng.standard_normal((SIDE, SIDE)), 'b': rng.standard_normal(SIDE)}
    tensors = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()]
    shape = TensorProto.FLOAT, [1, SIDE]
    graph = helper.make_graph(
        [helper.make_node('MatMul', ['x', 'w'], ['xw']),
         helper.make_node('Add', ['xw', 'b'], ['y'])], 'line',
        [helper.make_tensor_value_info('x', *shape)],
        [helper.make_tensor_value_info('y', *shape)], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=10)


def answer(graph):
    """Return y for x = 1, 2, ... ."""
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=['CPUExecutionProvider'])
    return session.run(None, {'x': np.arange(1, SIDE + 1, dtype=np.float32)[None]})[0]


def test_the_weights_are_half_as_large(full):
    adapted = with_half_weights(full, to_half(full))
    assert [t.name for t in adapted.graph.initializer] == ['w', 'b']
    assert [t.data_type for t in adapted.graph.initializer] == [
        TensorProto.FLOAT16, TensorProto.FLOAT], 'b is small'
    assert full.ByteSize() - adapted.ByteSize() == pytest.approx(SIDE * SIDE * 2, abs=60)


def test_their_rounding_is_the_only_difference(full):
    rounded = onnx.ModelProto()
    rounded.CopyFrom(full)
    tensor = rounded.graph.initializer[0]
    tensor.CopyFrom(numpy_helper.from_array(
        numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32), 'w'))
    adapted = with_half_weights(full, to_half(full))
    np.testing.assert_allclose(answer(adapted), answer(rounded), rtol=1e-6)
