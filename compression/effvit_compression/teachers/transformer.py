"""A frozen vision transformer and the convolutional head that makes scores of its tokens."""
from __future__ import annotations

from typing import List, Union

import safetensors
import timm
import torch
from safetensors.torch import load_file
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.nn import functional

from effvit_compression.teachers.settings import PATCH, TransformerTeacher
from effvit_ros.core.errors import UserError

#: Of ImageNet, in 0..255.
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
#: Channels of the branch that sees the picture itself: patches of 14 pixels lose persons.
DETAIL = 32
NO_VIT = 'no vision transformer: give one of timm\'s, as vit_small_patch14_dinov2.lvd142m'


class Backbone(nn.Module):
    """
    Tokens of some blocks as maps.

    Takes (N, 3, S, S) of 0..255, S a multiple of 14; gives (N, channels, S/14, S/14) float32.

    :raises UserError: the weights can't be had, or it is no vision transformer.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, settings: TransformerTeacher):
        super().__init__()
        self.vit = load_vit(settings).eval().requires_grad_(False)
        self.blocks: List[int] = settings.blocks
        self.channels = self.vit.embed_dim * len(settings.blocks)
        self.register_buffer('mean', torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer('std', torch.tensor(STD)[:, None, None], persistent=False)

    @torch.no_grad()
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the maps of all tapped blocks, one behind the other."""
        x = (image.float() - self.mean) / self.std
        maps = self.vit.forward_intermediates(
            x, indices=self.blocks, norm=True, intermediates_only=True)
        assert isinstance(maps, list)  # of intermediates only
        return torch.cat(maps, 1)


def load_vit(settings: TransformerTeacher) -> Union[VisionTransformer, Eva]:
    """Build the transformer with its weights; :raises UserError: it is none, or has none."""
    local = settings.weights_file
    try:
        vit = timm.create_model(settings.encoder, pretrained=local is None, img_size=518,
                                dynamic_img_size=True, num_classes=0)
        if local:
            vit.load_state_dict(load_file(local))
    except (OSError, RuntimeError, ValueError, safetensors.SafetensorError) as error:
        raise UserError(f'transformer {settings.encoder}: no weights from {local or "the hub"} '
                        f'({" ".join(str(error).split())[:160]})') from error
    except TypeError as error:  # of sizes that other networks don't take
        raise UserError(f'transformer {settings.encoder}: {NO_VIT}') from error
    if not isinstance(vit, (VisionTransformer, Eva)):
        raise UserError(f'transformer {settings.encoder}: {NO_VIT}')
    return vit


class Head(nn.Module):
    """
    Scores at 1/4 from tokens and from the picture itself.

    Shape: tokens (N, channels, S/14, S/14), picture (N, 3, S, S) of 0..255 ->
    (N, classes, S/4, S/4).
    """

    def __init__(self, channels: int, width: int, classes: int):
        super().__init__()
        self.tokens = block(channels, width, 1)
        self.detail = nn.Sequential(block(3, DETAIL // 2, 3, 2), block(DETAIL // 2, DETAIL, 3, 2))
        self.mix = nn.Sequential(block(width + DETAIL, width, 3), block(width, width, 3))
        self.classify = nn.Conv2d(width, classes, 1)

    def forward(self, tokens: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
        """Return the scores."""
        fine = self.detail(picture.float() / 127.5 - 1)
        coarse = functional.interpolate(self.tokens(tokens), size=fine.shape[-2:],
                                        mode='bilinear', align_corners=False)
        return self.classify(self.mix(torch.cat([coarse, fine], 1)))


def block(channels: int, out: int, kernel: int, stride: int = 1) -> nn.Module:
    """Convolution, BatchNorm, ReLU."""
    return nn.Sequential(nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False),
                         nn.BatchNorm2d(out), nn.ReLU(inplace=True))


class TransformerNet(nn.Module):
    """Backbone and head as one network: (N, 3, S, S) of 0..255 to scores at 1/4."""

    def __init__(self, backbone: Backbone, head: Head):
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the scores."""
        return self.head(self.backbone(image), image)


def grid_of(settings: TransformerTeacher) -> int:
    """Side of the map of tokens."""
    return settings.side // PATCH
