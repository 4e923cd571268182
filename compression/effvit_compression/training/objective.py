"""What a training minimises: the student's loss against labels and, with a teacher, against it."""
from __future__ import annotations

from typing import Dict, Optional, Tuple, Union

import torch
from torch import nn

from effvit_compression.losses.distillation import Distillation
from effvit_compression.losses.segmentation import SegmentationLoss
from effvit_compression.models.factory import SegmentationNet, upsample
from effvit_compression.models.frozen import Frozen
from effvit_compression.models.teacher_cache import CachedTeacher


class Objective(nn.Module):
    """
    One module whose ``forward`` gives the loss, so that DDP sees every trained parameter.

    The teacher is frozen, no module, and so no part of the state.
    """

    def __init__(self, student: SegmentationNet, loss: SegmentationLoss,
                 teacher: Optional[Union[Frozen, CachedTeacher]] = None,
                 distillation: Optional[Distillation] = None):
        super().__init__()
        self.student = student
        self.loss = loss
        self.distillation = distillation
        self.teacher = teacher

    def forward(self, images: torch.Tensor, labels: torch.Tensor, taught: torch.Tensor,
                ) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
        """Total loss and its weighted parts, for the fields of a ``Batch``."""
        maps, scores = self.student.features(images)
        parts = self.loss(upsample(scores, labels.shape[-2:]), labels)
        if self.teacher is not None and taught.any():
            parts.update(self.distillation(
                [m[taught] for m in maps], scores[taught],
                *self.teacher.features(images[taught])))
        return sum(parts.values()), {name: part.detach() for name, part in parts.items()}
