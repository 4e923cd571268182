"""Losses against labels: cross-entropy (weighted, hard pixels only), Dice, focal."""
from __future__ import annotations

from typing import Dict

import pydantic
import segmentation_models_pytorch as smp
import torch
from torch import nn
from torch.nn import functional

from effvit_ros.core.lpcv import IGNORE, NAMES


class SegmentationLossSettings(pydantic.BaseModel):
    """Shares of the loss; 0 switches a part off."""

    model_config = pydantic.ConfigDict(extra='forbid')

    cross_entropy: float = 1.0
    class_weights: Dict[str, float] = {}  # of the cross-entropy, by LPCV name; others weigh 1
    label_smoothing: float = pydantic.Field(0.0, ge=0, lt=1)
    hard_pixels: float = pydantic.Field(1.0, gt=0, le=1)  # OHEM: share of the pixels kept
    dice: float = 0.0
    focal: float = 0.0


class SegmentationLoss(nn.Module):
    """
    Weighted sum of losses against labels.

    Shape: scores (N, 14, H, W) float, labels (N, H, W) int64 with 255 ignored; a scalar each.
    """

    def __init__(self, settings: SegmentationLossSettings):
        super().__init__()
        self.settings = settings
        weights = [settings.class_weights.get(name, 1.0) for name in NAMES]
        self.register_buffer('class_weights', torch.tensor(weights), persistent=False)
        self._dice = smp.losses.DiceLoss('multiclass', ignore_index=IGNORE)
        self._focal = smp.losses.FocalLoss('multiclass', ignore_index=IGNORE)

    def forward(self, scores: torch.Tensor, labels: torch.Tensor) -> Dict[str, torch.Tensor]:
        """Weighted parts by name; parts that are switched off are left out."""
        s = self.settings
        parts = {}
        if s.cross_entropy:
            parts['cross_entropy'] = s.cross_entropy * self.cross_entropy(scores, labels)
        if s.dice:
            parts['dice'] = s.dice * self._dice(scores, labels)
        if s.focal:
            parts['focal'] = s.focal * self._focal(scores, labels)
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
