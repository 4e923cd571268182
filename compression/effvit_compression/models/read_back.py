"""
The torch network behind a bundle: to train a shipped model on, or to learn from it.

An exported graph has BatchNorm folded into its convolutions and the matrices of linear layers
transposed under names of the exporter's. Where each tensor went is not guessed: a network of the
same architecture, filled with numbers that occur once, is exported in the same way, and the
numbers are looked for in its graph.
"""
from __future__ import annotations

import functools
from pathlib import Path
from typing import Dict, Iterable, Iterator, Optional, Tuple

import numpy as np
import onnx
import pydantic
import torch
from onnx import numpy_helper
from torch import nn

from effvit_compression.data.description import one_line
from effvit_compression.export.graph import export_graph
from effvit_compression.export.parity import parity
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build, SegmentationNet
from effvit_compression.models.store import load_model
from effvit_ros.core.bundle import Bundle, is_bundle, load_bundle, MANIFEST
from effvit_ros.core.errors import UserError
from effvit_ros.core.runtimes.tensorrt.sample_pictures import sample_pictures

#: Share of labels that network and graph must have in common; a tensor in a wrong place gives far
#: less, rounding far more.
SAME = 0.99
#: Where a graph reads a tensor: first output of a node, number of its input.
Place = Tuple[str, int]


def load_network(folder: Path) -> SegmentationNet:
    """
    Build the network that a checkpoint or a bundle holds, in eval mode.

    :raises UserError: neither is there, or it can't be read.
    """
    return network_of(load_bundle(folder)) if is_bundle(folder) else load_model(folder)


def network_of(bundle: Bundle) -> SegmentationNet:
    """
    Rebuild the network whose FP32 graph a bundle holds, in eval mode, with the weights as stored.

    BatchNorm only shifts: what else it did is in the convolutions before it. Before training goes
    on, :func:`settle_norms` gives it the statistics that it will meet.

    :raises UserError: the bundle does not say its architecture, has no FP32 graph with 8-bit
        I/O, is of a kind that is not read back, or was exported by tools that do it otherwise.
    """
    if not bundle.manifest.get('architecture'):
        raise UserError(f'{bundle.path / MANIFEST}: says no architecture: only a bundle that '
                        'effvit-compress exported is read back')
    try:
        architecture = Architecture.model_validate(bundle.manifest['architecture'])
    except pydantic.ValidationError as error:
        raise UserError(f'{bundle.path / MANIFEST}: architecture: {one_line(error)}') from error
    architecture = architecture.model_copy(update={'classes': bundle.class_set})
    graph = onnx.load_from_string(bundle.graph('fp32', 'uint8').read())
    stored, state = arrays(graph), {}
    for name, (place, turned, shape) in places(architecture.model_dump_json(),
                                               bundle.height).items():
        found = stored.get(place)
        if found is None or found.shape != shape:
            raise UserError(f'{bundle.path}: {name} is not where this exporter puts it: '
                            f'{made_with(bundle)}')
        state[name] = torch.from_numpy((found.T if turned else found).astype(np.float32))
    net = build(architecture).eval()
    mark(net)  # BatchNorm only shifts
    net.load_state_dict({**net.state_dict(), **state})
    picture = sample_pictures(bundle)[:1]
    if parity(net, graph, picture).agreement < SAME:
        raise UserError(f'{bundle.path}: the network read back labels otherwise than its graph: '
                        f'{made_with(bundle)}')
    return net


@functools.lru_cache(maxsize=None)
def places(architecture: str, size: int) -> Dict[str, Tuple[Place, bool, Tuple[int, ...]]]:
    """
    Where the exporter puts each parameter of a network: place, whether transposed, shape there.

    :param architecture: as JSON.
    :param size: side of the graph's input.
    :raises UserError: it makes something else of one.
    """
    net = build(Architecture.model_validate_json(architecture)).eval()
    mark(net)
    marked = arrays(export_graph(net, size))
    found = {}
    for name, tensor in marks(net):
        place, turned = find(tensor, marked)
        if place is None:
            raise UserError(f'{net.architecture.encoder}: {name} is not as such in its graph: '
                            'give the checkpoint of such a network, not its bundle')
        found[name] = place, turned, marked[place].shape
    return found


def made_with(bundle: Bundle) -> str:
    """Say which tools can read the bundle back."""
    tools = bundle.manifest.get('tools') or {}
    versions = ', '.join(f'{tool} {version}' for tool, version in tools.items())
    return f'use the tools that it was exported with ({versions or "unknown"})'


@torch.no_grad()
def settle_norms(net: SegmentationNet, batches: Iterable[torch.Tensor]) -> None:
    """
    Give every BatchNorm the statistics of its input, in place; what the network says stays.

    A training normalises by the statistics of its batch, whatever was stored: only where these
    are about the same does it begin with what the network knows.

    :param batches: of pictures (N, 3, H, W), drawn as the training will draw them.
    """
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    sums = {norm: [0.0, 0.0, 0] for norm in norms}

    def note(norm, inputs):
        rows = inputs[0].double().transpose(0, 1).flatten(1)  # (C, N * H * W)
        sums[norm] = [before + now for before, now in zip(
            sums[norm], (rows.sum(1), rows.square().sum(1), rows.shape[1]))]
    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    for batch in batches:
        net.features(batch)
    for hook in hooks:
        hook.remove()
    for norm, (total, squares, count) in sums.items():
        mean, variance = total / count, (squares / count - (total / count).square()).clamp(min=0)
        slope = norm.weight / (norm.running_var + norm.eps).sqrt()
        norm.bias.add_(slope * (mean - norm.running_mean))
        norm.weight.copy_(slope * (variance + norm.eps).sqrt())
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)


@torch.no_grad()
def mark(net: nn.Module) -> None:
    """Fill a network with numbers that occur once; BatchNorm only shifts, by such numbers."""
    generator = torch.Generator().manual_seed(0)
    for _, tensor in marks(net):
        tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.fill_(1)
            module.running_mean.fill_(0)
            module.running_var.fill_(1 - module.eps)


def marks(net: nn.Module) -> Iterator[Tuple[str, torch.Tensor]]:
    """All parameters by name but the scales of BatchNorm, which the convolutions absorb."""
    scales = {f'{name}.weight' for name, module in net.named_modules()
              if isinstance(module, nn.BatchNorm2d)}
    return ((name, p.data) for name, p in net.named_parameters() if name not in scales)


def find(tensor: torch.Tensor, among: Dict[Place, np.ndarray]) -> Tuple[Optional[Place], bool]:
    """
    Place of the array that equals a tensor, and whether it is its transpose; None without one.

    Folding multiplies by a scale that is 1 but for rounding.
    """
    wanted = tensor.numpy()
    for place, array in among.items():
        for turned in (False, True) if array.ndim == 2 else (False,):
            candidate = array.T if turned else array
            if candidate.shape == wanted.shape and np.allclose(candidate, wanted, 1e-4, 0):
                return place, turned
    return None, False


def arrays(graph: onnx.ModelProto) -> Dict[Place, np.ndarray]:
    """
    Tensors of a graph by the places that read them, Casts between passed over.

    Names would not do: tensors that happen to be equal are stored once.
    """
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.graph.initializer}
    casts = {n.output[0]: n.input[0] for n in graph.graph.node if n.op_type == 'Cast'}
    reads = ((node.output[0], position, casts.get(name, name))
             for node in graph.graph.node for position, name in enumerate(node.input))
    return {(output, position): tensors[name]
            for output, position, name in reads if name in tensors}
