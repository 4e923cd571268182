"""What to prune and by which measure."""
from __future__ import annotations

from typing import Literal

import pydantic


class PruningSettings(pydantic.BaseModel):
    """Attention heads and MLP neurons to keep in every transformer block."""

    model_config = pydantic.ConfigDict(extra='forbid')

    heads: int = pydantic.Field(2, ge=1)              # kept in each block (the paper: 4 -> 2)
    neurons: float = pydantic.Field(1.0, gt=0, le=1)  # share kept of each MLP's hidden layer
    importance: Literal['l1', 'l2', 'lamp'] = 'l2'
