"""What all encoders have in common: smp's wrapper of a timm network, and LR-ASPP's trunk."""
from __future__ import annotations

from typing import Iterator, List, Protocol

import torch
from torch import nn


class Encoder(Protocol):
    """
    A module around the network that makes the maps, ``model``.

    ``out_channels``: of the maps, in their order.
    """

    model: nn.Module
    name: str
    out_channels: List[int]

    def __call__(self, image: torch.Tensor) -> List[torch.Tensor]:
        """Return the maps, coarser and coarser."""

    def modules(self) -> Iterator[nn.Module]:
        """Yield itself and all modules in it."""

    def eval(self) -> nn.Module:
        """Put it in eval mode."""
