"""What to prune, by which measure, and in how many steps."""
from __future__ import annotations

from typing import Literal, Optional

import pydantic

from effvit_compression.pruning.channels import CHANNEL_IMPORTANCES
from effvit_compression.pruning.importance import IMPORTANCES
from effvit_compression.training.settings import TrainingSettings


class PruningSettings(pydantic.BaseModel):
    """What transformer blocks keep (heads, neurons, ranks), and what convolutions lose."""

    model_config = pydantic.ConfigDict(extra='forbid')

    #: Kept in each block (the paper: 4 -> 2); all of them where only channels are asked for.
    heads: Optional[int] = pydantic.Field(2, ge=1)
    #: Share of the channels that goes from the convolutions of trunk and decoder.
    channels: float = pydantic.Field(0.0, ge=0, le=0.8)
    neurons: float = pydantic.Field(1.0, gt=0, le=1)  # share kept of each MLP's hidden layer
    importance: str = 'l2'                            # of IMPORTANCES or CHANNEL_IMPORTANCES
    #: ``global`` keeps as many over all, wherever they matter most relative to their block's
    #: mean, and in each block at least half of what ``layer`` would.
    scope: Literal['layer', 'global'] = 'layer'
    #: Share of the full rank that is kept of the attention's projections, and of the MLP's
    #: layers. A layer stays whole where two of that rank would not be smaller.
    rank: Optional[float] = pydantic.Field(None, gt=0, le=1)
    mlp_rank: Optional[float] = pydantic.Field(None, gt=0, le=1)
    steps: int = pydantic.Field(1, ge=1)              # cuts; more than one: with training between
    training: Optional[TrainingSettings] = None       # after each cut but the last

    @pydantic.field_validator('importance')
    @classmethod
    def _known(cls, name: str) -> str:
        known = dict.fromkeys([*IMPORTANCES, *CHANNEL_IMPORTANCES])
        if name not in known:
            raise ValueError(f'no criterion {name!r}: give one of {", ".join(known)}')
        return name

    @pydantic.model_validator(mode='after')
    def _consistent(self) -> PruningSettings:
        if self.channels and 'heads' not in self.model_fields_set:
            self.heads = None
        cuts_blocks = self.heads is not None or self.neurons < 1
        if cuts_blocks and self.importance not in IMPORTANCES:
            raise ValueError(f'importance {self.importance} is for channels alone: leave heads '
                             f'and neurons out, or give one of {", ".join(IMPORTANCES)}')
        if self.channels and self.importance not in CHANNEL_IMPORTANCES:
            raise ValueError(f'importance {self.importance} ranks no channels: give one of '
                             f'{", ".join(CHANNEL_IMPORTANCES)}')
        if (self.steps > 1) != (self.training is not None):
            raise ValueError('steps above 1 and training (between the cuts) go together')
        return self
