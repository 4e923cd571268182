"""A linear layer as the product of two thin ones."""
from __future__ import annotations

from typing import Optional, Union

import torch
from torch import nn


class LowRank(nn.Module):
    """``up(down(x))`` in the place of ``nn.Linear``: rank * (inputs + outputs) weights."""

    def __init__(self, in_features: int, out_features: int, rank: int, bias: bool = True):
        super().__init__()
        self.down = nn.Linear(in_features, rank, bias=False)
        self.up = nn.Linear(rank, out_features, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., in_features) to (..., out_features)."""
        return self.up(self.down(x))

    @property
    def in_features(self) -> int:
        """Width of the input."""
        return self.down.in_features

    @property
    def out_features(self) -> int:
        """Width of the output."""
        return self.up.out_features

    @property
    def rank(self) -> int:
        """Width between the two layers."""
        return self.down.out_features

    @property
    def weight(self) -> torch.Tensor:
        """Matrix of the layer that this is in the place of, (out_features, in_features)."""
        return self.up.weight @ self.down.weight

    @property
    def bias(self) -> Optional[torch.Tensor]:
        """Bias of that layer."""
        return self.up.bias


def shrinks(in_features: int, out_features: int, rank: int) -> bool:
    """Whether two layers of this rank have fewer weights than one."""
    return rank * (in_features + out_features) < in_features * out_features


@torch.no_grad()
def factorised(layer: Union[nn.Linear, LowRank], rank: int) -> LowRank:
    """
    Best approximation of a layer by one of this rank (Eckart and Young), by its SVD.

    The singular values are split evenly between the two layers.
    """
    u, s, v = torch.linalg.svd(layer.weight.double(), full_matrices=False)
    root = s[:rank].sqrt()
    thin = LowRank(layer.in_features, layer.out_features, rank, layer.bias is not None)
    thin.down.weight.copy_(root[:, None] * v[:rank])
    thin.up.weight.copy_(u[:, :rank] * root)
    if layer.bias is not None:
        thin.up.bias.copy_(layer.bias)
    return thin
