"""
How much a head or a neuron matters, by the weights that would go with it.

A criterion is a function of ``groups`` (one row of weights for each head or neuron) under its
name in ``IMPORTANCES``: nothing else has to know of another one.
"""
from __future__ import annotations

from typing import Callable, Dict

import torch
from timm.layers import Attention, Mlp

#: From weights (groups, weights) to their importance (groups,).
Criterion = Callable[[torch.Tensor], torch.Tensor]
#: By the criterion's name.
IMPORTANCES: Dict[str, Criterion] = {}


def criterion(function: Criterion) -> Criterion:
    """Make a function a criterion that recipes know by its name."""
    IMPORTANCES[function.__name__] = function
    return function


@criterion
def l1(groups: torch.Tensor) -> torch.Tensor:
    """Sum of the absolute weights of each row."""
    return groups.abs().sum(dim=1)


@criterion
def l2(groups: torch.Tensor) -> torch.Tensor:
    """Root of the sum of squares of each row."""
    return groups.square().sum(dim=1).sqrt()


@criterion
def lamp(groups: torch.Tensor) -> torch.Tensor:
    """
    Each row's squared norm over the sum of itself and all larger ones (arXiv 2010.07611).

    Within one layer the order is that of ``l2``.
    """
    squares = groups.square().sum(dim=1)
    ordered, order = squares.sort()
    remaining = ordered.flip(0).cumsum(0).flip(0)
    return torch.empty_like(squares).scatter_(0, order, ordered / remaining)


@torch.no_grad()
def importance(groups: torch.Tensor, measure: str) -> torch.Tensor:
    """Return the importance of each row of (groups, weights) by a criterion."""
    return IMPORTANCES[measure](groups)


def head_importance(block: Attention, measure: str) -> torch.Tensor:
    """Return the importance of each head, (heads,): of its rows of qkv and its columns of proj."""
    heads, width = block.num_heads, block.head_dim
    qkv = block.qkv.weight.reshape(3, heads, width, -1).transpose(0, 1).flatten(1)
    proj = block.proj.weight.reshape(-1, heads, width).transpose(0, 1).flatten(1)
    return importance(torch.cat([qkv, proj], dim=1), measure)


def neuron_importance(block: Mlp, measure: str) -> torch.Tensor:
    """Return each hidden neuron's importance, (hidden,): of its row of fc1 and column of fc2."""
    return importance(torch.cat([block.fc1.weight, block.fc2.weight.T], dim=1), measure)
