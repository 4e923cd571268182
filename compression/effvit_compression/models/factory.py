"""Build a segmentation network from its architecture."""
from __future__ import annotations

from typing import List, Sequence, Tuple, TypeVar

import segmentation_models_pytorch as smp
import timm
import torch
from timm.models.mobilevit import MobileVitBlock
from torch import nn
from torch.nn import functional

from effvit_compression.models import lraspp
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.encoder import Encoder
from effvit_compression.models.insertion import insert
from effvit_compression.models.shapes import reshape
from effvit_compression.models.widths import set_widths
from effvit_ros.core.errors import UserError

M = TypeVar('M', bound=nn.Module)


class SegmentationNet(nn.Module):
    """
    Encoder, decoder and classifier; normalisation is inside.

    Takes (N, 3, H, W) RGB of 0..255 (uint8 or float), sides divisible by 32.
    """

    def __init__(self, architecture: Architecture, encoder: Encoder, decoder: nn.Module,
                 head: nn.Conv2d):
        super().__init__()
        self.architecture = architecture
        self.encoder = encoder
        self.decoder = decoder
        self.head = head

    def features(self, image: torch.Tensor) -> Tuple[List[torch.Tensor], torch.Tensor]:
        """Return encoder maps at [1, 1/2, ..., 1/32] and class scores (N, classes, H/4, W/4)."""
        x = (image.to(self.head.weight.dtype) - self.architecture.mean) / self.architecture.std
        maps = self.encoder(x)
        return maps, self.head(self.decoder(list(maps)))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Class scores (N, classes, H, W)."""
        return upsample(self.features(image)[1], image.shape[-2:])


def upsample(scores: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Bilinear, as the exported graph does it."""
    return functional.interpolate(scores, size=tuple(size), mode='bilinear', align_corners=False)


def channels_last(module: M) -> M:
    """Keep weights and maps with the channels last in memory, in place: faster convolutions."""
    # torch documents it, its hints lack it.
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def build(architecture: Architecture) -> SegmentationNet:
    """
    Build with random weights.

    :raises UserError: timm does not know the encoder, it has no maps at 1/4 to 1/32, or a patch
        size has no stage, or a shape no block.
    """
    if architecture.decoder == 'lraspp':
        return SegmentationNet(architecture, *lraspp.parts(
            architecture.encoder, architecture.decoder_channels, len(architecture.classes)))
    if not timm.is_model(architecture.encoder):
        raise UserError(f'architecture: timm has no encoder {architecture.encoder!r}')
    kind = {'upernet': smp.UPerNet, 'fpn': smp.FPN,
            'deeplabv3plus': smp.DeepLabV3Plus}[architecture.decoder]
    width = architecture.decoder_channels
    widths = ({'decoder_pyramid_channels': 2 * width, 'decoder_segmentation_channels': width}
              if architecture.decoder == 'fpn' else {'decoder_channels': width})
    try:
        whole = kind(f'tu-{architecture.encoder}', encoder_weights=None,
                     classes=len(architecture.classes), **widths, **any_size(architecture.encoder))
    except Exception as error:  # whatever timm and smp raise for what is no pyramid of maps
        reason = ' '.join(str(error).split())[:120]
        raise UserError(f'architecture: encoder {architecture.encoder!r} does not serve a '
                        f'decoder ({reason}): give one with maps at 1/4 to 1/32') from error
    set_patch_sizes(whole.encoder, architecture)
    insert(whole.encoder, architecture.insertions)
    if architecture.decoder == 'upernet':
        for block, grid in zip(whole.decoder.psp.blocks, architecture.pool_sizes):
            block[0].output_size = grid
    net = SegmentationNet(
        architecture, whole.encoder, whole.decoder, whole.segmentation_head[0])
    try:
        reshape(net, architecture.blocks)
    except KeyError as error:
        raise UserError(f'architecture: blocks names {error.args[0]!r}, which '
                        f'{architecture.encoder} does not have') from error
    try:
        set_widths(net, architecture.widths)
    except KeyError as error:
        raise UserError(f'architecture: widths names {error.args[0]!r}, which '
                        f'{architecture.encoder} does not have') from error
    return net


def any_size(encoder: str) -> dict:
    """Return timm's option that lets a Swin take pictures of other sizes than it was made for."""
    return {'strict_img_size': False} if encoder.startswith('swin') else {}


def set_patch_sizes(encoder: Encoder, architecture: Architecture) -> None:
    """
    Set the side of MobileViT's patches by stage: no weight depends on it.

    Larger patches mean fewer tokens in more groups, so the attention gets cheaper.
    """
    blocks = [m for m in encoder.modules() if isinstance(m, MobileVitBlock)]
    stages = dict(enumerate(blocks, start=2))  # MobileViT has its blocks in stages 2, 3, 4
    for stage, side in architecture.patch_sizes.items():
        if stage not in stages:
            raise UserError(f'architecture: patch_sizes names stage {stage}; '
                            f'{architecture.encoder} has {sorted(stages) or "none"}')
        stages[stage].patch_size = (side, side)
        stages[stage].patch_area = side * side
