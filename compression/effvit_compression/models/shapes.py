"""Shapes of transformer blocks: found in a network, or forced onto a new one."""
from __future__ import annotations

from typing import Dict, Literal, Optional, Tuple, Union

import pydantic
from timm.layers import Attention, Mlp
from torch import nn

from effvit_compression.models.low_rank import LowRank

#: Linear layers of a block: two of its attention, two of its MLP.
Layer = Literal['qkv', 'proj', 'fc1', 'fc2']
Linear = Union[nn.Linear, LowRank]


class BlockShape(pydantic.BaseModel):
    """Attention heads and hidden MLP neurons of one transformer block."""

    model_config = pydantic.ConfigDict(extra='forbid')

    heads: int = pydantic.Field(ge=1)
    neurons: int = pydantic.Field(ge=1)
    #: Ranks of the layers that are products of two thin ones.
    ranks: Dict[Layer, pydantic.PositiveInt] = {}


def blocks(net: nn.Module) -> Dict[str, Tuple[Attention, Mlp]]:
    """Attention and MLP of every transformer block, by the block's name, in the data's order."""
    found = {}
    for name, module in net.named_modules():
        attention, mlp = getattr(module, 'attn', None), getattr(module, 'mlp', None)
        if isinstance(attention, Attention) and isinstance(mlp, Mlp):
            found[name] = attention, mlp
    return found


def layers(attention: Attention, mlp: Mlp) -> Dict[Layer, Tuple[nn.Module, Linear]]:
    """Linear layers of a block by name, each as (module that holds it, layer)."""
    holders: Dict[Layer, nn.Module] = {
        'qkv': attention, 'proj': attention, 'fc1': mlp, 'fc2': mlp}
    return {name: (holder, getattr(holder, name)) for name, holder in holders.items()}


def shape_of(attention: Attention, mlp: Mlp) -> BlockShape:
    """Shape of a block as it is."""
    found = layers(attention, mlp)
    return BlockShape(
        heads=attention.num_heads, neurons=found['fc1'][1].out_features,
        ranks={name: layer.rank for name, (_, layer) in found.items()
               if isinstance(layer, LowRank)})


def reshape(net: nn.Module, shapes: Dict[str, BlockShape]) -> None:
    """
    Give the named blocks new, untrained layers of these shapes, in place.

    :raises KeyError: the network has no such block.
    """
    present = blocks(net)
    for name, shape in shapes.items():
        attention, mlp = present[name]
        attention.num_heads, attention.attn_dim = shape.heads, shape.heads * attention.head_dim
        dim = attention.qkv.in_features
        widths: Dict[Layer, Tuple[int, int]] = {
            'qkv': (dim, 3 * attention.attn_dim), 'proj': (attention.attn_dim, dim),
                  'fc1': (dim, shape.neurons), 'fc2': (shape.neurons, dim)}
        for key, (holder, layer) in layers(attention, mlp).items():
            setattr(holder, key, linear(*widths[key], shape.ranks.get(key),
                                        layer.bias is not None))


def linear(in_features: int, out_features: int, rank: Optional[int], bias: bool) -> Linear:
    """Return a linear layer, whole or of a rank."""
    if rank is None:
        return nn.Linear(in_features, out_features, bias)
    return LowRank(in_features, out_features, rank, bias)
