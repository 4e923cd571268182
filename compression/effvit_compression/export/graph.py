"""ONNX graphs of a network: camera pixels in, scores at a quarter of their size out."""
from __future__ import annotations

import contextlib
import functools
import io
import logging
import warnings
from typing import Any, Iterator, List, Optional, Tuple

import onnx
import onnxslim
import torch
from torch import nn

from effvit_compression.models.cost import plain_attention
from effvit_compression.models.factory import SegmentationNet

#: Opset by I/O type: 13 is what TensorRT 8.2 (Jetson Nano) reads, which has no 8-bit I/O.
OPSETS = {'uint8': 18, 'float32': 13}


class Deployed(nn.Module):
    """
    The network with what the host would else do before it; labels are made behind it.

    Takes (1, H, W, 3) RGB of 0..255, uint8 or float32; gives scores (1, classes, H/4, W/4)
    float32.
    """

    def __init__(self, net: SegmentationNet):
        super().__init__()
        self.net = net

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Scores of one picture."""
        # Cast, then transpose: TensorRT takes 8-bit inputs only straight into a cast.
        return self.net.features(image.to(torch.float32).permute(0, 3, 1, 2))[1]


def export_graph(net: SegmentationNet, size: int, io_type: str = 'uint8') -> onnx.ModelProto:
    """
    ONNX graph with static shapes, simplified and checked.

    :param io_type: ``uint8`` or, for runtimes without 8-bit I/O, ``float32``.
    """
    image = torch.zeros(1, size, size, 3, dtype=getattr(torch, io_type))
    with plain_attention(net), plain_pools(net):
        graph = onnxslim.slim(exported(
            Deployed(net).eval(), (image,), ['image'], ['scores'], OPSETS[io_type],
            by_program=io_type == 'uint8'))
    onnx.checker.check_model(graph, full_check=True)
    return graph


def exported(module: nn.Module, inputs: Tuple[torch.Tensor, ...], names: List[str],
             outputs: Optional[List[str]], opset: int, by_program: bool = True,
             ) -> onnx.ModelProto:
    """
    Return a module's graph as torch writes it.

    :param names: of the inputs.
    :param by_program: by torch's exporter of programs, which knows no opset below 18; else by the
        older one, which traces.
    """
    buffer = io.BytesIO()
    with quiet():
        torch.onnx.export(
            module, inputs, buffer,  # type: ignore[arg-type]  # files do, whatever its hint
            input_names=names, output_names=outputs, opset_version=opset, dynamo=by_program,
            external_data=False)
    return onnx.load_from_string(buffer.getvalue())


@contextlib.contextmanager
def plain_pools(net: nn.Module) -> Iterator[None]:
    """
    Inside, adaptive pools that halve evenly are written out with their kernel.

    The exporter for opset 13 loses sizes behind a layer normalisation and then cannot choose it.
    """
    pools = [m for m in net.modules() if isinstance(m, nn.AdaptiveAvgPool2d)]
    for pool in pools:
        setattr(pool, 'forward', functools.partial(_pooled, pool))
    try:
        yield
    finally:
        for pool in pools:
            delattr(pool, 'forward')


def _pooled(pool: nn.AdaptiveAvgPool2d, features: torch.Tensor) -> torch.Tensor:
    sides = [int(side) for side in features.shape[-2:]]
    wanted: Any = pool.output_size
    wanted = (wanted, wanted) if isinstance(wanted, int) else wanted
    if any(side % count for side, count in zip(sides, wanted)):
        return nn.functional.adaptive_avg_pool2d(features, wanted)
    return nn.functional.avg_pool2d(
        features, [side // count for side, count in zip(sides, wanted)])


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence the exporters, which narrate each step on stdout and by warnings."""
    level = logging.getLogger('torch.onnx').level
    logging.getLogger('torch.onnx').setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.getLogger('torch.onnx').setLevel(level)
