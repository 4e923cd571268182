"""What to prune, by which measure, and in how many steps."""
from __future__ import annotations

from typing import Literal, Optional

import pydantic

from effvit_compression.pruning.importance import IMPORTANCES
from effvit_compression.training.settings import TrainingSettings


class PruningSettings(pydantic.BaseModel):
    """Attention heads and MLP neurons to keep in the transformer blocks, ranks of their layers."""

    model_config = pydantic.ConfigDict(extra='forbid')

    heads: int = pydantic.Field(2, ge=1)              # kept in each block (the paper: 4 -> 2)
    neurons: float = pydantic.Field(1.0, gt=0, le=1)  # share kept of each MLP's hidden layer
    importance: str = 'l2'                            # one of importance.IMPORTANCES
    #: ``global`` keeps as many over all, wherever they matter most beside their block's mean, and
    #: in each block at least half of what ``layer`` would.
    scope: Literal['layer', 'global'] = 'layer'
    #: Share of the full rank that is kept of the attention's projections, and of the MLP's
    #: layers. A layer stays whole where two of that rank would not be smaller.
    rank: Optional[float] = pydantic.Field(None, gt=0, le=1)
    mlp_rank: Optional[float] = pydantic.Field(None, gt=0, le=1)
    steps: int = pydantic.Field(1, ge=1)              # cuts; more than one: with training between
    training: Optional[TrainingSettings] = None       # after each cut but the last

    @pydantic.field_validator('importance')
    @classmethod
    def _known(cls, name):
        if name not in IMPORTANCES:
            raise ValueError(f'no criterion {name!r}: give one of {", ".join(IMPORTANCES)}')
        return name

    @pydantic.model_validator(mode='after')
    def _consistent(self):
        if (self.steps > 1) != (self.training is not None):
            raise ValueError('steps above 1 and training (between the cuts) go together')
        return self
