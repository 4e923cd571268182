"""The tensors that two graphs have in common, stored once."""
from __future__ import annotations

from typing import Collection, Tuple

import onnx

from effvit_compression.export.half_weights import SMALLEST


def share(one: onnx.ModelProto, other: onnx.ModelProto
          ) -> Tuple[onnx.ModelProto, onnx.ModelProto, onnx.ModelProto]:
    """
    Return a model that holds nothing but large equal tensors, and both graphs without them.

    Serialised, the first with either of the others behind it is that graph again: protobuf
    merges messages that stand one behind the other.
    """
    theirs = {tensor.name: tensor for tensor in other.graph.initializer}
    common = [tensor for tensor in one.graph.initializer
              if tensor.ByteSize() >= SMALLEST and theirs.get(tensor.name) == tensor]
    weights = onnx.ModelProto(graph=onnx.GraphProto(initializer=common))
    names = {tensor.name for tensor in common}
    return weights, without(one, names), without(other, names)


def without(model: onnx.ModelProto, names: Collection[str]) -> onnx.ModelProto:
    """Copy of a model that lacks the tensors of these names."""
    rest = onnx.ModelProto()
    rest.CopyFrom(model)
    kept = [tensor for tensor in rest.graph.initializer if tensor.name not in names]
    del rest.graph.initializer[:]
    rest.graph.initializer.extend(kept)
    return rest
