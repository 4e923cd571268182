"""How much a head or a neuron matters, by the weights that would go with it."""
from __future__ import annotations

import torch
from timm.layers import Attention, Mlp


def head_importance(block: Attention, measure: str) -> torch.Tensor:
    """Return the importance of each head, (heads,): of its rows of qkv and its columns of proj."""
    heads, width = block.num_heads, block.head_dim
    qkv = block.qkv.weight.reshape(3, heads, width, -1).transpose(0, 1).flatten(1)
    proj = block.proj.weight.reshape(-1, heads, width).transpose(0, 1).flatten(1)
    return importance(torch.cat([qkv, proj], dim=1), measure)


def neuron_importance(block: Mlp, measure: str) -> torch.Tensor:
    """Return each hidden neuron's importance, (hidden,): of its row of fc1 and column of fc2."""
    return importance(torch.cat([block.fc1.weight, block.fc2.weight.T], dim=1), measure)


@torch.no_grad()
def importance(groups: torch.Tensor, measure: str) -> torch.Tensor:
    """
    Norm of each row of (groups, weights).

    ``lamp`` (arXiv 2010.07611) divides each group's squared norm by the sum over itself and all
    larger ones, which makes scores comparable between layers; within one layer the order is
    that of ``l2``.
    """
    if measure == 'l1':
        return groups.abs().sum(dim=1)
    squares = groups.square().sum(dim=1)
    if measure == 'l2':
        return squares.sqrt()
    ordered, order = squares.sort()
    remaining = ordered.flip(0).cumsum(0).flip(0)
    return torch.empty_like(squares).scatter_(0, order, ordered / remaining)
