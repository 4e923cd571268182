"""What an adaptation minimises: the new labels' loss, and the distance from what was known."""
from __future__ import annotations

from typing import Dict

import numpy as np
import segmentation_models_pytorch as smp
import torch
from torch import nn
from torch.nn import functional

from effvit_compression.adapt.plan import Plan
from effvit_compression.losses.segmentation import balanced
from effvit_compression.models.factory import upsample
from effvit_ros.core.classes import IGNORE

#: No class weighs more than this many times the average.
HEAVIEST = 6.0


class AdaptationLoss(nn.Module):
    """
    Cross-entropy and Lovász on labelled pixels, soft labels of the bundle on all.

    Soft labels count fully where nothing is labelled, and a little elsewhere: the classes that
    the new labels lack keep their scores.

    :param pixels: (classes,) labelled pixels of each class.
    """

    weights: torch.Tensor

    def __init__(self, plan: Plan, pixels: np.ndarray):
        super().__init__()
        self._plan = plan
        weights = balanced(torch.as_tensor(pixels, dtype=torch.float32), plan.balance)
        self.register_buffer('weights', weights.clamp(max=HEAVIEST), persistent=False)
        self._lovasz = smp.losses.LovaszLoss('multiclass', ignore_index=IGNORE)

    def forward(self, scores: torch.Tensor, before: torch.Tensor,
                labels: torch.Tensor) -> Dict[str, torch.Tensor]:
        """
        Weighted parts by name.

        :param scores: (N, classes, H/4, W/4) of the network that learns; ``before``: of the
            bundle's, likewise.
        :param labels: (N, H, W) int64, 255 where nothing is labelled.
        """
        plan, coarse = self._plan, labels[:, 2::4, 2::4]
        known = (coarse != IGNORE).float()
        loss = functional.cross_entropy(
            upsample(scores, labels.shape[-2:]), labels, self.weights, ignore_index=IGNORE,
            reduction='sum') / (labels != IGNORE).sum().clamp(min=1)
        parts = {'labels': loss}
        if known.any():
            parts['overlap'] = plan.lovasz * self._lovasz(scores, coarse)
        divergence = functional.kl_div(
            functional.log_softmax(scores / plan.temperature, 1),
            functional.log_softmax(before / plan.temperature, 1),
            log_target=True, reduction='none').sum(1) * plan.temperature ** 2
        weight = known * plan.keep + (1 - known)
        parts['kept'] = (divergence * weight).mean()
        return parts
