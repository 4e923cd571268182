"""Peers that libraries build: what counts is their shape, so their weights stay random."""
from __future__ import annotations

from typing import Callable, Dict

import segmentation_models_pytorch as smp
import torch
from torch import nn
from torchvision.models import segmentation


class Peer(nn.Module):
    """
    A network up to its scores: (N, 3, H, W) of 0..255 in, (N, classes, h, w) out.

    Where its authors enlarge the scores to (H, W), the tail does it instead, as for ours.
    """

    def __init__(self, scores: Callable[[torch.Tensor], torch.Tensor], *parts: nn.Module):
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self._scores = scores

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Scores of normalised pictures."""
        return self._scores((image - 127.0) / 128.0)


def from_smp(make: Callable[..., nn.Module], encoder: str, classes: int) -> Peer:
    """Return a network of segmentation_models.pytorch without its last upsampling."""
    net = make(encoder, encoder_weights=None, classes=classes)
    trunk, decoder, head = (net.get_submodule(name) for name in (
        'encoder', 'decoder', 'segmentation_head.0'))

    def scores(image: torch.Tensor) -> torch.Tensor:
        return head(decoder(trunk(image)))
    return Peer(scores, net)


def from_torchvision(make: Callable[..., nn.Module], classes: int) -> Peer:
    """Return a network of torchvision without its last upsampling."""
    net = make(weights=None, weights_backbone=None, num_classes=classes)
    backbone, classifier = net.get_submodule('backbone'), net.get_submodule('classifier')
    # LR-ASPP's head takes two maps by name, DeepLab's the last one.
    whole = isinstance(classifier, segmentation.lraspp.LRASPPHead)

    def scores(image: torch.Tensor) -> torch.Tensor:
        features = backbone(image)
        return classifier(features if whole else features['out'])
    return Peer(scores, net)


#: Name -> maker, given the number of classes.
PEERS: Dict[str, Callable[[int], Peer]] = {
    'DeepLabV3+ MobileNetV3-Large (smp)': lambda n: from_smp(
        smp.DeepLabV3Plus, 'tu-mobilenetv3_large_100', n),
    'FPN MobileNetV3-Large (smp)': lambda n: from_smp(smp.FPN, 'tu-mobilenetv3_large_100', n),
    'LR-ASPP MobileNetV3-Large (torchvision)': lambda n: from_torchvision(
        segmentation.lraspp_mobilenet_v3_large, n),
    'DeepLabV3 MobileNetV3-Large (torchvision)': lambda n: from_torchvision(
        segmentation.deeplabv3_mobilenet_v3_large, n),
    'SegFormer-B0 (smp)': lambda n: from_smp(smp.Segformer, 'mit_b0', n),
}
