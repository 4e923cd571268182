"""Weights between those of two networks of one architecture."""
from __future__ import annotations

from typing import Dict

import torch

State = Dict[str, torch.Tensor]


def blend(before: State, after: State, share: float) -> State:
    """
    Weights between two networks of one architecture: ``share`` of the way from before to after.

    Between them lie networks that know both views (Wortsman et al., arXiv 2109.01903). Counts of
    batches, which are no floats, are those of ``after``.
    """
    return {name: torch.lerp(before[name], value, share) if value.is_floating_point() else value
            for name, value in after.items()}
