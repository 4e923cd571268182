"""A graph in FP16, the numerically delicate operators left in FP32, gated by parity."""
from __future__ import annotations

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16, DEFAULT_OP_BLOCK_LIST
from onnxruntime.transformers.onnx_model import OnnxModel

#: Sums and exponentials that overflow or lose digits in FP16, and what feeds the argmax.
DELICATE = ('LayerNormalization', 'Softmax', 'ReduceMean', 'GlobalAveragePool', 'Resize', 'Pow',
            'Sqrt')


def to_half(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Copy of an FP32 graph with FP16 weights and arithmetic; inputs and outputs unchanged."""
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    half = convert_float_to_float16(
        copy, keep_io_types=True, op_block_list=[*DEFAULT_OP_BLOCK_LIST, *DELICATE])
    OnnxModel(half).topological_sort()  # the converter appends its casts at the end
    onnx.checker.check_model(half, full_check=True)
    return half
