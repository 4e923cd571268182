"""Shapes of transformer blocks: found in a network, or forced onto a new one."""
from __future__ import annotations

from typing import Dict, Tuple

import pydantic
from timm.layers import Attention, Mlp
from torch import nn


class BlockShape(pydantic.BaseModel):
    """Attention heads and hidden MLP neurons of one transformer block."""

    model_config = pydantic.ConfigDict(extra='forbid')

    heads: int = pydantic.Field(ge=1)
    neurons: int = pydantic.Field(ge=1)


def blocks(net: nn.Module) -> Dict[str, Tuple[Attention, Mlp]]:
    """Attention and MLP of every transformer block, by the block's name, in the data's order."""
    found = {}
    for name, module in net.named_modules():
        attention, mlp = getattr(module, 'attn', None), getattr(module, 'mlp', None)
        if isinstance(attention, Attention) and isinstance(mlp, Mlp):
            found[name] = attention, mlp
    return found


def reshape(net: nn.Module, shapes: Dict[str, BlockShape]) -> None:
    """
    Give the named blocks new, untrained layers of these shapes, in place.

    :raises KeyError: the network has no such block.
    """
    present = blocks(net)
    for name, shape in shapes.items():
        attention, mlp = present[name]
        width, dim = attention.head_dim, attention.qkv.in_features
        attention.num_heads, attention.attn_dim = shape.heads, shape.heads * width
        attention.qkv = nn.Linear(dim, 3 * attention.attn_dim, attention.qkv.bias is not None)
        attention.proj = nn.Linear(attention.attn_dim, dim, attention.proj.bias is not None)
        mlp.fc1 = nn.Linear(dim, shape.neurons, mlp.fc1.bias is not None)
        mlp.fc2 = nn.Linear(shape.neurons, dim, mlp.fc2.bias is not None)
