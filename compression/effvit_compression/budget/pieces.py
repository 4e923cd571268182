"""Parts of networks as graphs of their own, and how long they take."""
from __future__ import annotations

import time
from typing import Callable, Dict, List, NamedTuple, Tuple

import numpy as np
import onnx
import onnxslim
import torch
from torch import nn

from effvit_compression.budget.candidates import Candidate, DIM
from effvit_compression.budget.cost_model import Cost, Part
from effvit_compression.export.graph import exported, plain_pools
from effvit_compression.export.int8 import calibrated
from effvit_compression.models.cost import count_gmacs, plain_attention
from effvit_compression.models.factory import build, SegmentationNet
from effvit_compression.models.insertion import AddedMobileViT, Insertion
from effvit_compression.pruning.channels import cut_channels
from effvit_ros.core.classes import ClassSet
from effvit_ros.core.errors import UserError
from effvit_ros.core.runtimes.onnxruntime_cpu import session_options
from effvit_ros.core.runtimes.openvino_cpu import compile_options

OPSET = 18
#: Runs of a part before its time is taken, and those of which this percentile is its time: a low
#: one, as parts are not measured side by side and other processes would make them differ.
WARM_UP, ROUNDS, PERCENT = 5, 30, 10
#: As few calibrate: the ranges of random weights mean nothing, and no range changes the time.
CALIBRATE = 1
#: First of the maps that the decoder reads.
FIRST_MAP = 2


class Piece(NamedTuple):
    """A module, example inputs and their names."""

    module: nn.Module
    inputs: Tuple[torch.Tensor, ...]
    names: List[str]


class _Trunk(nn.Module):
    def __init__(self, net: SegmentationNet):
        super().__init__()
        self.net = net

    def forward(self, image: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        """Return the maps that the decoder reads, of (1, H, W, 3) uint8."""
        image = image.to(torch.float32).permute(0, 3, 1, 2)
        norm = (image - self.net.architecture.mean) / self.net.architecture.std
        return tuple(self.net.encoder(norm)[FIRST_MAP:])


class _Decoder(nn.Module):
    def __init__(self, net: SegmentationNet):
        super().__init__()
        self.net = net

    def forward(self, *maps: torch.Tensor) -> torch.Tensor:
        """Return the scores."""
        return self.net.head(self.net.decoder([None] * FIRST_MAP + list(maps)))


def clock_for(threads: int) -> Callable[[], float]:
    """Return what tells the time of an inference: one thread's own, or the wall's of several."""
    return time.process_time if threads == 1 else time.perf_counter


def network(candidate: Candidate, classes: ClassSet) -> SegmentationNet:
    """Build a candidate with random weights, its channels cut."""
    torch.manual_seed(0)
    net = build(candidate.architecture(classes)).eval()
    return cut_channels(net, candidate.cut) if candidate.cut else net


@torch.inference_mode()
def piece(part: Part, net: SegmentationNet, side: int) -> Piece:
    """
    Return a part as a module.

    :param net: a network that has the part's trunk and decoder.
    :param side: of the network's input.
    """
    if part.kind == 'block':
        channels = net.encoder.out_channels[-1]
        module: nn.Module = AddedMobileViT(channels, Insertion(dim=DIM, depth=part.option))
        deepest = side // 32
        return Piece(module.eval(), (torch.randn(1, channels, deepest, deepest),), ['map'])
    image = torch.randint(0, 256, (1, side, side, 3), dtype=torch.uint8)
    trunk = _Trunk(net).eval()
    if part.kind == 'trunk':
        return Piece(trunk, (image,), ['image'])
    maps = trunk(image)
    return Piece(_Decoder(net).eval(), maps, [f'map{number}' for number in range(len(maps))])


def graph_of(made: Piece, precision: str) -> onnx.ModelProto:
    """Return a piece as a graph of that precision."""
    with plain_attention(made.module), plain_pools(made.module), torch.no_grad():
        graph = onnxslim.slim(exported(made.module, made.inputs, made.names, None, OPSET,
                                       by_program=False))
    if precision == 'int8':
        graph = calibrated(graph, [feed_of(made)] * CALIBRATE, hushed=True)
    return graph


def feed_of(made: Piece) -> Dict[str, np.ndarray]:
    """Return a piece's inputs by name."""
    return {name: tensor.numpy() for name, tensor in zip(made.names, made.inputs)}


def cost_of(made: Piece, precision: str, runtime: str, threads: int) -> Cost:
    """Return what a piece costs here."""
    graph = graph_of(made, precision).SerializeToString()
    once = RUN[runtime](graph, feed_of(made), threads)
    taken, clock = [], clock_for(threads)
    for _ in range(WARM_UP + ROUNDS):
        start = clock()
        once()
        taken.append(clock() - start)
    return Cost(1e3 * float(np.percentile(taken[WARM_UP:], PERCENT)),
                count_gmacs(made.module, *made.inputs))


def on_openvino(graph: bytes, feed: Dict[str, np.ndarray], threads: int) -> Callable[[], object]:
    """Return a function that runs a graph once, set up as the flying runtime is."""
    try:
        import openvino
    except ImportError as error:
        raise UserError(f'openvino is not installed ({error}): pip install openvino, or give '
                        '--runtime onnxruntime') from error
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(graph), 'CPU', compile_options(threads))
    request = compiled.create_infer_request()
    for name, array in feed.items():
        request.set_tensor(name, openvino.Tensor(np.ascontiguousarray(array)))
    return request.infer


def on_onnxruntime(graph: bytes, feed: Dict[str, np.ndarray], threads: int,
                   ) -> Callable[[], object]:
    """Return a function that runs a graph once, set up as the flying runtime is."""
    import onnxruntime
    session = onnxruntime.InferenceSession(
        graph, session_options(threads), providers=['CPUExecutionProvider'])
    return lambda: session.run(None, feed)


#: Runtime -> how a part is run on it.
RUN = {'openvino': on_openvino, 'onnxruntime': on_onnxruntime}
