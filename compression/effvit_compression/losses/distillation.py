"""
Losses against a teacher: soft labels, channel-wise distributions and early features.

Soft labels with a temperature follow Hinton (arXiv 1503.02531), channel-wise distillation Shu
et al. (arXiv 2011.13256), feature mimicking by 1x1 adapters and MSE arXiv 2309.02617.
"""
from __future__ import annotations

from typing import Annotated, Dict, List, Optional, Sequence

import pydantic
import torch
from torch import nn
from torch.nn import functional

from effvit_ros.core.errors import UserError


class DistillationSettings(pydantic.BaseModel):
    """Shares of the loss; 0 switches a part off."""

    model_config = pydantic.ConfigDict(extra='forbid', allow_inf_nan=False)

    soft_labels: pydantic.NonNegativeFloat = 1.0
    temperature: float = pydantic.Field(2.0, gt=0)
    channel_wise: pydantic.NonNegativeFloat = 0.0
    channel_temperature: float = pydantic.Field(3.0, gt=0)
    features: pydantic.NonNegativeFloat = 0.0
    answers: pydantic.NonNegativeFloat = 1.0  # what the recipe's ``teachers`` said beforehand
    #: Encoder maps that are mimicked: k is the one at 1 / 2**k of the picture's side.
    feature_levels: List[Annotated[int, pydantic.Field(ge=1, le=5)]] = pydantic.Field(
        [3, 4, 5], min_length=1)

    @property
    def levels(self) -> List[int]:
        """Encoder maps that the losses look at."""
        return self.feature_levels if self.features else []


class Distillation(nn.Module):
    """
    Weighted sum of losses against a teacher that saw the same pictures.

    :param student_channels: of the student's encoder maps, [1, 1/2, 1/4, ...].
    :param teacher_channels: of the teacher's, likewise.
    :raises UserError: one of them has no map of a wanted level.
    """

    def __init__(self, settings: DistillationSettings, student_channels: Sequence[int],
                 teacher_channels: Sequence[int]):
        super().__init__()
        self.settings = settings
        check_levels(settings, student_channels, teacher_channels)
        self.adapters = nn.ModuleDict({
            str(k): nn.Conv2d(student_channels[k], teacher_channels[k], 1)
            for k in settings.levels})

    def forward(self, maps: Sequence[torch.Tensor], scores: torch.Tensor,
                teacher_maps: Sequence[Optional[torch.Tensor]], teacher_scores: torch.Tensor,
                ) -> Dict[str, torch.Tensor]:
        """
        Weighted parts by name; the arguments are what ``SegmentationNet.features`` gives.

        :param teacher_maps: None at levels that the settings do not name.
        """
        s = self.settings
        parts = {}
        if s.soft_labels:
            parts['soft_labels'] = s.soft_labels * soft_label_loss(
                scores, teacher_scores, s.temperature)
        if s.channel_wise:
            parts['channel_wise'] = s.channel_wise * channel_wise_loss(
                scores, teacher_scores, s.channel_temperature)
        if s.features:
            losses = []
            for k, adapter in self.adapters.items():
                wanted = teacher_maps[int(k)]
                assert wanted is not None  # of one of the settings' levels
                losses.append(mimic_loss(adapter(maps[int(k)]), wanted))
            parts['features'] = s.features * torch.stack(losses).mean()
        return parts


def check_levels(settings: DistillationSettings, *networks: Sequence[int]) -> None:
    """Look for the wanted maps; :raises UserError: a network has none (a Swin at 1/2)."""
    for level in settings.levels:
        for channels in networks:
            if not channels[level]:
                having = ', '.join(str(k) for k, count in enumerate(channels) if k and count)
                raise UserError(f'distillation: feature_levels names {level}, of which a network '
                                f'has no map: it has {having}')


def soft_label_loss(scores: torch.Tensor, teacher: torch.Tensor,
                    temperature: float) -> torch.Tensor:
    """KL(teacher || student) of the class distributions, mean over pixels, times T squared."""
    log_p = functional.log_softmax(scores / temperature, dim=1)
    log_q = functional.log_softmax(teacher / temperature, dim=1)
    divergence = (log_q.exp() * (log_q - log_p)).sum(dim=1)  # (N, H, W)
    return divergence.mean() * temperature ** 2


def answer_loss(scores: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
    """
    KL(answers || student), mean over all pixels; 0 where the answers are.

    Shape: scores (N, classes, H, W), answers alike: probabilities, not scores.
    """
    log_p = functional.log_softmax(scores, dim=1)
    return (torch.xlogy(answers, answers) - answers * log_p).sum(dim=1).mean()


def channel_wise_loss(scores: torch.Tensor, teacher: torch.Tensor,
                      temperature: float) -> torch.Tensor:
    """KL of each class map's distribution over the pixels, mean over maps, times T squared."""
    log_p = functional.log_softmax(scores.flatten(2) / temperature, dim=2)
    log_q = functional.log_softmax(teacher.flatten(2) / temperature, dim=2)
    divergence = (log_q.exp() * (log_q - log_p)).sum(dim=2)  # (N, C)
    return divergence.mean() * temperature ** 2


def mimic_loss(adapted: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """MSE between maps, the teacher's standardised per channel so that levels weigh alike."""
    mean = teacher.mean(dim=(0, 2, 3), keepdim=True)
    std = teacher.std(dim=(0, 2, 3), keepdim=True)
    return functional.mse_loss(adapted, (teacher - mean) / (std + 1e-5))
