"""Cut heads and neurons out of timm's attention and MLP blocks: the tensors get smaller."""
from __future__ import annotations

from typing import Dict, NamedTuple

import torch
from timm.layers import Attention, Mlp
from torch import nn

from effvit_compression.models.factory import SegmentationNet
from effvit_compression.models.shapes import blocks, BlockShape
from effvit_compression.pruning.importance import head_importance, neuron_importance
from effvit_compression.pruning.settings import PruningSettings
from effvit_ros.core.errors import UserError


class Kept(NamedTuple):
    """Indices of what stays in one transformer block, ascending."""

    heads: torch.Tensor
    neurons: torch.Tensor


def choose(net: SegmentationNet, settings: PruningSettings) -> Dict[str, Kept]:
    """
    Choose the most important heads and neurons of every block, by its name.

    :raises UserError: the network has no transformer block, or fewer heads than are to be kept.
    """
    kept = {}
    for name, (attention, mlp) in blocks(net).items():
        if settings.heads > attention.num_heads:
            raise UserError(f'prune: heads is {settings.heads}, but {name} has '
                            f'{attention.num_heads}')
        neurons = max(1, round(mlp.fc1.out_features * settings.neurons))
        kept[name] = Kept(
            top(head_importance(attention, settings.importance), settings.heads),
            top(neuron_importance(mlp, settings.importance), neurons))
    if not kept:
        raise UserError(f'prune: {net.architecture.encoder} has no transformer block')
    return kept


def top(scores: torch.Tensor, count: int) -> torch.Tensor:
    """Return the indices of the ``count`` highest scores, ascending."""
    return scores.topk(count).indices.sort().values


@torch.no_grad()
def cut(net: SegmentationNet, kept: Dict[str, Kept]) -> SegmentationNet:
    """Remove everything else, in place; the architecture remembers the new shapes."""
    shapes: Dict[str, BlockShape] = {}
    for name, (attention, mlp) in blocks(net).items():
        cut_heads(attention, kept[name].heads)
        cut_neurons(mlp, kept[name].neurons)
        shapes[name] = BlockShape(heads=len(kept[name].heads), neurons=len(kept[name].neurons))
    net.architecture = net.architecture.model_copy(update={'blocks': shapes})
    return net


def cut_heads(attention: Attention, heads: torch.Tensor) -> None:
    """Keep these heads."""
    width = attention.head_dim
    columns = (heads[:, None] * width + torch.arange(width)).flatten()  # of proj
    rows = (torch.arange(3)[:, None] * attention.attn_dim + columns).flatten()  # of qkv
    attention.qkv = smaller(attention.qkv, rows=rows)
    attention.proj = smaller(attention.proj, columns=columns)
    attention.num_heads = len(heads)
    attention.attn_dim = len(heads) * width


def cut_neurons(mlp: Mlp, neurons: torch.Tensor) -> None:
    """Keep these hidden neurons."""
    mlp.fc1 = smaller(mlp.fc1, rows=neurons)
    mlp.fc2 = smaller(mlp.fc2, columns=neurons)


def smaller(linear: nn.Linear, rows=None, columns=None) -> nn.Linear:
    """Copy of a layer with some of its outputs (rows) or inputs (columns)."""
    weight, bias = linear.weight, linear.bias
    if rows is not None:
        weight, bias = weight[rows], None if bias is None else bias[rows]
    if columns is not None:
        weight = weight[:, columns]
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight.copy_(weight)
    if bias is not None:
        layer.bias.copy_(bias)
    return layer


@torch.no_grad()
def mask(net: SegmentationNet, kept: Dict[str, Kept]) -> SegmentationNet:
    """Zero what :func:`cut` would remove, in place: the same answers in the old shapes."""
    for name, (attention, mlp) in blocks(net).items():
        gone = torch.ones(attention.num_heads, dtype=torch.bool)
        gone[kept[name].heads] = False
        attention.proj.weight[:, gone.repeat_interleave(attention.head_dim)] = 0
        gone = torch.ones(mlp.fc1.out_features, dtype=torch.bool)
        gone[kept[name].neurons] = False
        mlp.fc2.weight[:, gone] = 0
    return net
