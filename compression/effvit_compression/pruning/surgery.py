"""Cut heads and neurons out of timm's attention and MLP blocks: the tensors get smaller."""
from __future__ import annotations

import copy
from typing import Dict, NamedTuple, Optional

import torch
from timm.layers import Attention, Mlp
from torch import nn

from effvit_compression.models.factory import SegmentationNet
from effvit_compression.models.low_rank import factorised, LowRank, shrinks
from effvit_compression.models.shapes import blocks, Layer, layers, Linear, shape_of
from effvit_compression.pruning.importance import head_importance, IMPORTANCES, neuron_importance
from effvit_compression.pruning.scope import SCOPES
from effvit_compression.pruning.settings import PruningSettings
from effvit_ros.core.errors import UserError


class Kept(NamedTuple):
    """Indices of what stays in one transformer block, ascending."""

    heads: torch.Tensor
    neurons: torch.Tensor


class Budget(NamedTuple):
    """How many heads and neurons a transformer block keeps."""

    heads: int
    neurons: int


def budgets(net: SegmentationNet, settings: PruningSettings, part: float = 1.0,
            ) -> Dict[str, Budget]:
    """
    Count what every block keeps, by its name.

    :param part: of the way from the network as it is (0) to what the settings ask for (1).
    :raises UserError: the network has no transformer block, or fewer heads than are to be kept.
    """
    kept = {}
    for name, block in blocks(net).items():
        shape = shape_of(*block)
        heads, neurons = shape.heads, shape.neurons
        wanted = heads if settings.heads is None else settings.heads
        if wanted > heads:
            raise UserError(f'prune: heads is {wanted}, but {name} has {heads}')
        fewest = max(1, round(neurons * settings.neurons))
        kept[name] = Budget(heads - round(part * (heads - wanted)),
                            neurons - round(part * (neurons - fewest)))
    if not kept and not settings.channels:
        raise UserError(f'prune: {net.architecture.encoder} has no transformer block')
    return kept


def choose(net: SegmentationNet, settings: PruningSettings,
           budget: Optional[Dict[str, Budget]] = None) -> Dict[str, Kept]:
    """
    Choose the most important heads and neurons, by the block's name.

    :param budget: how many, by block; with ``scope: global`` only the sums count. Default: what
        the settings ask for.
    :raises UserError: the network has no transformer block, or fewer heads than are to be kept.
    """
    budget = budget or budgets(net, settings)
    found = blocks(net)
    if not found or settings.importance not in IMPORTANCES:  # of channels alone
        shapes = {name: shape_of(*block) for name, block in found.items()}
        return {name: Kept(torch.arange(shape.heads), torch.arange(shape.neurons))
                for name, shape in shapes.items()}
    pick = SCOPES[settings.scope]
    heads = pick([head_importance(attention, settings.importance)
                  for attention, _ in found.values()], [budget[name].heads for name in found])
    neurons = pick([neuron_importance(mlp, settings.importance)
                    for _, mlp in found.values()], [budget[name].neurons for name in found])
    return {name: Kept(*chosen) for name, *chosen in zip(found, heads, neurons)}


@torch.no_grad()
def cut(net: SegmentationNet, kept: Dict[str, Kept]) -> SegmentationNet:
    """Remove everything else, in place; the architecture remembers the new shapes."""
    for name, (attention, mlp) in blocks(net).items():
        cut_heads(attention, kept[name].heads)
        cut_neurons(mlp, kept[name].neurons)
    return remember(net)


def factorise(net: SegmentationNet, settings: PruningSettings) -> SegmentationNet:
    """Replace layers by products of two thin ones, in place, where that makes them smaller."""
    shares: Dict[Layer, Optional[float]] = {
        'qkv': settings.rank, 'proj': settings.rank,
        'fc1': settings.mlp_rank, 'fc2': settings.mlp_rank}
    for attention, mlp in blocks(net).values():
        for key, (holder, layer) in layers(attention, mlp).items():
            share = shares[key]
            if share is None:
                continue
            rank = max(1, round(share * min(layer.in_features, layer.out_features)))
            if shrinks(layer.in_features, layer.out_features, rank):
                setattr(holder, key, factorised(layer, rank))
    return remember(net)


def remember(net: SegmentationNet) -> SegmentationNet:
    """Note the blocks' shapes in the network's architecture."""
    shapes = {name: shape_of(*block) for name, block in blocks(net).items()}
    net.architecture = net.architecture.model_copy(update={'blocks': shapes})
    return net


def cut_heads(attention: Attention, heads: torch.Tensor) -> None:
    """Keep these heads."""
    width = attention.head_dim
    columns = (heads[:, None] * width + torch.arange(width)).flatten()  # of proj
    rows = (torch.arange(3)[:, None] * attention.attn_dim + columns).flatten()  # of qkv
    shrink(attention, 'qkv', rows=rows)
    shrink(attention, 'proj', columns=columns)
    attention.num_heads = len(heads)
    attention.attn_dim = len(heads) * width


def cut_neurons(mlp: Mlp, neurons: torch.Tensor) -> None:
    """Keep these hidden neurons."""
    shrink(mlp, 'fc1', rows=neurons)
    shrink(mlp, 'fc2', columns=neurons)


def shrink(holder: nn.Module, name: Layer, rows: Optional[torch.Tensor] = None,
           columns: Optional[torch.Tensor] = None) -> None:
    """Leave a layer of a block only some of its outputs (rows) or inputs (columns)."""
    layer: Linear = getattr(holder, name)
    if isinstance(layer, LowRank):
        thin = copy.deepcopy(layer)
        thin.up, thin.down = smaller(layer.up, rows, None), smaller(layer.down, None, columns)
        setattr(holder, name, thin)
    else:
        setattr(holder, name, smaller(layer, rows, columns))


def smaller(linear: nn.Linear, rows: Optional[torch.Tensor],
            columns: Optional[torch.Tensor]) -> nn.Linear:
    """Copy of a layer with some of its outputs (rows) or inputs (columns)."""
    weight: torch.Tensor = linear.weight
    bias: Optional[torch.Tensor] = linear.bias
    if rows is not None:
        weight, bias = weight[rows], None if bias is None else bias[rows]
    if columns is not None:
        weight = weight[:, columns]
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight.copy_(weight)
    if bias is not None:
        layer.bias.copy_(bias)
    return layer
