"""Losses against labels: cross-entropy (weighted, hard pixels only), Dice, focal."""
from __future__ import annotations

from typing import Dict, Optional, Sequence, Union

import numpy as np
import pydantic
import segmentation_models_pytorch as smp
import torch
from torch import nn
from torch.nn import functional

from effvit_compression.data.mixture import ELSE
from effvit_ros.core.classes import ClassSet, IGNORE, lpcv_classes


class SegmentationLossSettings(pydantic.BaseModel):
    """Shares of the loss; 0 switches a part off."""

    model_config = pydantic.ConfigDict(extra='forbid', allow_inf_nan=False)

    cross_entropy: pydantic.NonNegativeFloat = 1.0
    #: Of the cross-entropy, by name; others weigh 1.
    class_weights: Dict[str, pydantic.NonNegativeFloat] = {}
    #: Exponent: classes weigh (1 / share of the labelled pixels) ** balance, times class_weights.
    balance: float = pydantic.Field(0.0, ge=0, le=1)
    label_smoothing: float = pydantic.Field(0.0, ge=0, lt=1)
    hard_pixels: float = pydantic.Field(1.0, gt=0, le=1)  # OHEM: share of the pixels kept
    dice: pydantic.NonNegativeFloat = 0.0
    focal: pydantic.NonNegativeFloat = 0.0
    #: Where only some classes were labelled: a pixel is none of those that it is not labelled as.
    exclusion: pydantic.NonNegativeFloat = 1.0
    #: Class name -> weight of its probability on pixels that are labelled as something else.
    false_alarms: Dict[str, pydantic.NonNegativeFloat] = {}

    @pydantic.model_validator(mode='after')
    def _consistent(self) -> SegmentationLossSettings:
        if not (self.cross_entropy or self.dice or self.focal):
            raise ValueError('cross_entropy, dice and focal are all 0: nothing is learnt')
        return self


class SegmentationLoss(nn.Module):
    """
    Weighted sum of losses against labels.

    Shape: scores (N, classes, H, W) float, labels (N, H, W) int64 with 255 ignored; a scalar each.

    :param pixels: share or number of the labelled pixels of each class, for ``balance``.
    :param classes: what the labels' ids mean; default: LPCV's.
    """

    class_weights: torch.Tensor

    def __init__(self, settings: SegmentationLossSettings,
                 pixels: Optional[Union[np.ndarray, Sequence[float]]] = None,
                 classes: Optional[ClassSet] = None):
        super().__init__()
        self.settings = settings
        self.classes = classes or lpcv_classes()
        weights = torch.tensor([settings.class_weights.get(name, 1.0)
                                for name in self.classes.names])
        if settings.balance:
            weights *= balanced(torch.as_tensor(pixels, dtype=torch.float32), settings.balance)
        self.register_buffer('class_weights', weights, persistent=False)
        self._dice = smp.losses.DiceLoss('multiclass', ignore_index=IGNORE)

    def forward(self, scores: torch.Tensor, labels: torch.Tensor,
                excluded: Optional[torch.Tensor] = None) -> Dict[str, torch.Tensor]:
        """
        Weighted parts by name; parts that are switched off are left out.

        :param excluded: (N, classes) bool, what the pixels labelled ELSE are not.
        """
        s = self.settings
        parts = {}
        unlabelled = labels == ELSE
        if s.exclusion and excluded is not None and unlabelled.any():
            parts['exclusion'] = s.exclusion * exclusion_loss(scores, unlabelled, excluded)
        labels = labels.masked_fill(unlabelled, IGNORE)
        for name, weight in s.false_alarms.items():
            index = self.classes.index(name)
            others = (labels != IGNORE) & (labels != index)
            wrong = torch.arange(len(self.classes), device=scores.device) == index
            parts[f'false_{name}'] = weight * exclusion_loss(
                scores, others, wrong.expand(len(scores), -1))
        if s.cross_entropy:
            parts['cross_entropy'] = s.cross_entropy * self.cross_entropy(scores, labels)
        if s.dice:
            parts['dice'] = s.dice * self._dice(scores, labels)
        if s.focal:
            parts['focal'] = s.focal * focal_loss(scores, labels)
        return parts

    def cross_entropy(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Mean over the labelled pixels, or over the hardest share of them."""
        loss = functional.cross_entropy(
            scores, labels, weight=self.class_weights, ignore_index=IGNORE, reduction='none',
            label_smoothing=self.settings.label_smoothing)
        valid = loss[labels != IGNORE]
        if not valid.numel():
            return scores.sum() * 0
        if self.settings.hard_pixels < 1:
            keep = max(1, int(valid.numel() * self.settings.hard_pixels))
            valid = valid.topk(keep, sorted=False).values
        return valid.mean()


def exclusion_loss(scores: torch.Tensor, where: torch.Tensor,
                   excluded: torch.Tensor) -> torch.Tensor:
    """
    Mean of -log(1 - p) over all pixels, p of the excluded classes together; 0 elsewhere.

    :param where: (N, H, W) bool, the pixels that it is known of.
    :param excluded: (N, classes) bool.
    """
    allowed = scores.masked_fill(excluded[..., None, None], -torch.inf)
    surprise = torch.logsumexp(scores, 1) - torch.logsumexp(allowed, 1)
    return torch.where(where, surprise, 0.0).mean()


def balanced(pixels: torch.Tensor, exponent: float) -> torch.Tensor:
    """
    Weights (classes,) that fall with a class's share, so that the mean over the pixels is 1.

    Classes without a pixel weigh 1: nothing is known of them.
    """
    present = pixels > 0
    share = pixels / pixels.sum().clamp_min(1e-12)
    weights = torch.where(present, share.clamp_min(1e-12) ** -exponent, 0.0)
    return torch.where(present, weights / (weights * share).sum(), 1.0)


def focal_loss(scores: torch.Tensor, labels: torch.Tensor, gamma: float = 2.0) -> torch.Tensor:
    """
    Mean of (1 - p) ** gamma * -log p over the labelled pixels, p of the softmax.

    After Lin et al., arXiv 1708.02002, for one class among many; smp's sets each class against
    the rest by a sigmoid, which a softmax trained along with it contradicts.
    """
    surprise = functional.cross_entropy(scores, labels, ignore_index=IGNORE, reduction='none')
    loss = (1 - (-surprise).exp()) ** gamma * surprise  # 0 at ignored pixels
    return loss.sum() / (labels != IGNORE).sum().clamp_min(1)
