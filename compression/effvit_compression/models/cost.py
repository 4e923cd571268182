"""Size and cost of a network."""
from __future__ import annotations

import contextlib
from typing import Iterator, List

import torch
from timm.layers import Attention
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def parameters(net: nn.Module) -> int:
    """Count the weights (buffers left out)."""
    return sum(p.numel() for p in net.parameters())


def heads(net: nn.Module) -> List[int]:
    """Attention heads of each block, in the order of the data."""
    return [m.num_heads for m in net.modules() if isinstance(m, Attention)]


@contextlib.contextmanager
def plain_attention(net: nn.Module) -> Iterator[None]:
    """Inside, timm's attention is written out as matmul and softmax: countable, exportable."""
    blocks = [m for m in net.modules() if isinstance(m, Attention)]
    before = [m.fused_attn for m in blocks]
    for block in blocks:
        setattr(block, 'fused_attn', False)  # final by its hint, for TorchScript
    try:
        yield
    finally:
        for block, fused in zip(blocks, before):
            setattr(block, 'fused_attn', fused)


@torch.inference_mode()
def gmacs(net: nn.Module, size: int) -> float:
    """10^9 multiply-adds for one picture of size x size, attention included."""
    device = next(net.parameters()).device
    return count_gmacs(net, torch.zeros(1, 3, size, size, device=device))


@torch.inference_mode()
def count_gmacs(module: nn.Module, *inputs: torch.Tensor) -> float:
    """10^9 multiply-adds of a module for these inputs, attention included."""
    counter = FlopCounterMode(display=False)
    with plain_attention(module), counter:
        module(*inputs)
    return counter.get_total_flops() / 2e9
