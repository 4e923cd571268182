"""A graph in INT8 for OpenVINO, calibrated by NNCF on real pictures."""
from __future__ import annotations

import contextlib
import logging
from typing import Iterable, List, Mapping, Sequence, TypeVar

import numpy as np
import onnx
from onnx import numpy_helper, TensorProto

from effvit_compression.export.graph import quiet
from effvit_ros.core.errors import UserError
from effvit_ros.report.progress import steps

T = TypeVar('T')


def to_int8(graph: onnx.ModelProto, pictures: Sequence[np.ndarray]) -> onnx.ModelProto:
    """
    Copy of an FP32 graph with QuantizeLinear and DequantizeLinear around what shall be integer.

    Weights are quantised by channel, activations by tensor. NNCF leaves softmax, layer
    normalisation, the normalisation of the picture and argmax in float.

    :param graph: with 8-bit I/O.
    :param pictures: (H, W, 3) uint8 of the graph's size and channel order: train pictures, for
        the ranges of the activations.
    :raises UserError: NNCF is not installed.
    """
    name = graph.graph.input[0].name
    return calibrated(graph, [{name: picture[None]} for picture in pictures])


def calibrated(graph: onnx.ModelProto, feeds: Sequence[Mapping[str, np.ndarray]],
               hushed: bool = False) -> onnx.ModelProto:
    """
    Do what :func:`to_int8` does for a graph of any inputs.

    :param feeds: input's name -> array, for each time that it is run.
    :param hushed: without a bar: another one tells how far all is.
    :raises UserError: NNCF is not installed.
    """
    try:
        import nncf
    except ImportError as error:
        raise UserError(f'INT8 needs NNCF ({error}): pip install nncf, or leave int8 out'
                        ) from error
    with steps('calibrate', len(feeds), quiet=hushed) as advance, quiet(), \
            contextlib.ExitStack() as stack:
        level = logging.getLogger('nncf').level
        stack.callback(nncf.set_log_level, level)
        nncf.set_log_level(logging.ERROR)

        def feed(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
            advance()
            return inputs

        return nncf.quantize(with_full_weights(graph), nncf.Dataset(feeds, feed),
                             subset_size=len(feeds))


def with_full_weights(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Copy of a graph whose weights in half precision, behind Casts, are FP32 constants again."""
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    halves = {tensor.name: tensor for tensor in copy.graph.initializer
              if tensor.data_type == TensorProto.FLOAT16}
    casts = [node for node in copy.graph.node
             if node.op_type == 'Cast' and node.input[0] in halves]
    for node in casts:
        weight = numpy_helper.to_array(halves[node.input[0]]).astype(np.float32)
        copy.graph.initializer.append(numpy_helper.from_array(weight, node.output[0]))
        copy.graph.node.remove(node)
    for name in {node.input[0] for node in casts}:
        copy.graph.initializer.remove(halves[name])
    return copy


def evenly_spaced(items: Iterable[T], count: int) -> List[T]:
    """Return at most ``count`` of the items, evenly spread."""
    items = list(items)
    count = min(count, len(items))
    return [items[index * len(items) // count] for index in range(count)]
