"""What a training minimises: the student's loss against labels and, with a teacher, against it."""
from __future__ import annotations

from typing import Dict, Optional, Tuple, Union

import torch
from torch import nn

from effvit_compression.losses.distillation import answer_loss, Distillation
from effvit_compression.losses.segmentation import SegmentationLoss
from effvit_compression.models.factory import SegmentationNet, upsample
from effvit_compression.models.frozen import Frozen
from effvit_compression.models.teacher_cache import CachedTeacher


class Objective(nn.Module):
    """
    One module whose ``forward`` gives the loss, so that DDP sees every trained parameter.

    The teacher is frozen, no module, and so no part of the state.

    :param answers: weight of what teachers said of the pictures beforehand.
    :param stride: labels are compared at every nth pixel, where scores are interpolated to.
    """

    def __init__(self, student: SegmentationNet, loss: SegmentationLoss,
                 teacher: Optional[Union[Frozen, CachedTeacher]] = None,
                 distillation: Optional[Distillation] = None, answers: float = 0.0,
                 stride: int = 1):
        super().__init__()
        self.student = student
        self.loss = loss
        self.distillation = distillation
        self.teacher = teacher
        self.answers = answers
        self.stride = stride

    def forward(self, images: torch.Tensor, labels: torch.Tensor, taught: torch.Tensor,
                answers: Optional[torch.Tensor] = None, excluded: Optional[torch.Tensor] = None,
                ) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
        """Total loss and its weighted parts, for the fields of a ``Batch``."""
        maps, scores = self.student.features(images)
        labels = labels[:, self.stride // 2::self.stride, self.stride // 2::self.stride]
        parts = self.loss(upsample(scores, labels.shape[-2:]), labels, excluded)
        if self.teacher is not None and self.distillation is not None and taught.any():
            judged = self.distillation([m[taught] for m in maps], scores[taught],
                                       *self.teacher.features(images[taught]))
            # A mean over the taught crops: they weigh as many as they are.
            share = taught.float().mean()
            parts.update({name: part * share for name, part in judged.items()})
        if self.answers and answers is not None:
            parts['answers'] = self.answers * answer_loss(scores, answers)
        return sum(parts.values()), {name: part.detach() for name, part in parts.items()}
