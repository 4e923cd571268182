"""How long and how fast to learn."""
from __future__ import annotations

from typing import List, Literal, Tuple

import pydantic


class TrainingSettings(pydantic.BaseModel):
    """How long and how fast to learn."""

    model_config = pydantic.ConfigDict(extra='forbid')

    iterations: int = pydantic.Field(20_000, ge=1)  # the paper's number
    batch: int = pydantic.Field(8, ge=1)            # crops of sizes[0] per process
    #: Sides of the square crops with their chance; the batch shrinks to keep the pixel count.
    sizes: List[Tuple[int, float]] = [(256, 1.0)]
    rate: float = pydantic.Field(1e-3, gt=0)        # AdamW, at the end of the warm-up
    encoder_rate: float = 1.0                       # times rate: below 1 for pretrained encoders
    weight_decay: float = 0.02
    warmup: int = 200                               # iterations, linear
    power: float = 0.9                              # of the poly schedule
    clip: float = 5.0                               # of the gradient's norm
    ema: float = 0.999                              # decay, itself warmed up
    freeze_encoder_norm: bool = False               # keep the trunk's BatchNorm statistics
    #: As Lightning Fabric calls them; float16 needs a GPU, bfloat16 is slower on most CPUs.
    precision: Literal['32-true', '16-mixed', 'bf16-mixed'] = '32-true'
    checkpoint_every: int = 200                     # iterations
    log_every: int = 20                             # iterations
    seed: int = 0
