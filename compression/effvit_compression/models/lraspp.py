"""
LR-ASPP on MobileNetV3 (arXiv 1905.02244), from torchvision: a peer to train along with ours.

Its two classifiers, of the map at 1/8 and of the pooled one, add up to one classifier of both
maps side by side: that one is the network's head, so that all else treats it as any other.
"""
from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

import safetensors
import torch
from safetensors.torch import load_file
from torch import nn
from torchvision.models import segmentation

from effvit_compression.models.encoder import Encoder
from effvit_ros.core.errors import UserError

#: torchvision's name of the trunk, and the one that builds the network on it.
ENCODER = 'mobilenet_v3_large'
MAKE = segmentation.lraspp_mobilenet_v3_large


class Trunk(nn.Module):
    """Gives the maps at 1/8 and 1/16; ``model`` is torchvision's."""

    name = ENCODER

    def __init__(self, model: nn.Module, out_channels: List[int]):
        super().__init__()
        self.model = model
        self.out_channels = out_channels

    def forward(self, image: torch.Tensor) -> List[torch.Tensor]:
        """Return [low, high]."""
        maps = self.model(image)
        return [maps['low'], maps['high']]


class Decoder(nn.Module):
    """What torchvision's head does before its classifiers."""

    def __init__(self, cbr: nn.Module, scale: nn.Module):
        super().__init__()
        self.cbr = cbr
        self.scale = scale

    def forward(self, maps: List[torch.Tensor]) -> torch.Tensor:
        """(N, channels, H/8, W/8): the low map, then the high one, gated and enlarged."""
        low, high = maps
        gated = self.cbr(high) * self.scale(high)
        return torch.cat([low, nn.functional.interpolate(
            gated, size=low.shape[-2:], mode='bilinear', align_corners=False)], dim=1)


def parts(encoder: str, width: int, classes: int) -> Tuple[Trunk, Decoder, nn.Conv2d]:
    """
    Return trunk, decoder of inner width ``width``, and head, with random weights.

    :raises UserError: another encoder than torchvision's.
    """
    if encoder != ENCODER:
        raise UserError(f'architecture: decoder lraspp stands on {ENCODER}, not on {encoder!r}')
    whole = MAKE(weights=None, weights_backbone=None, num_classes=classes)
    low = whole.classifier.low_classifier.in_channels
    high = whole.classifier.cbr[0].in_channels
    head = segmentation.lraspp.LRASPPHead(low, high, classes, width)
    return (Trunk(whole.backbone, [low, high]), Decoder(head.cbr, head.scale),
            nn.Conv2d(low + width, classes, 1))


def load_torchvision(encoder: Encoder, decoder: nn.Module, file: Path) -> None:
    """
    Fill trunk and decoder of a network of decoder ``lraspp`` from torchvision's tensors.

    :param file: safetensors, by torchvision's names; its classes are others, so not its head.
    :raises UserError: the file can't be read, or is of another network.
    """
    try:
        tensors = {name: tensor.float() if tensor.is_floating_point() else tensor
                   for name, tensor in load_file(file).items()}
    except (OSError, safetensors.SafetensorError) as error:
        raise UserError(f'pretrained.model {file}: {" ".join(str(error).split())}') from error
    for module, prefix in ((encoder.model, 'backbone.'), (decoder, 'classifier.')):
        own = module.state_dict()
        state = {name: tensors[prefix + name] for name in own if prefix + name in tensors}
        wrong = [name for name, tensor in own.items()
                 if name not in state or state[name].shape != tensor.shape]
        if wrong:
            raise UserError(f'pretrained.model {file}: {prefix}{wrong[0]} is missing or of '
                            f'another shape: give torchvision\'s lraspp_{ENCODER}')
        module.load_state_dict(state)
