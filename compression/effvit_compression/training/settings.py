"""How long and how fast to learn."""
from __future__ import annotations

from typing import Annotated, List, Literal, Tuple

import pydantic

Precision = Literal['32-true', '16-mixed', 'bf16-mixed']
#: Of a crop in pixels; encoders halve it five times.
Side = Annotated[int, pydantic.Field(ge=32, le=4096, multiple_of=32)]


class TrainingSettings(pydantic.BaseModel):
    """How long and how fast to learn."""

    model_config = pydantic.ConfigDict(extra='forbid', allow_inf_nan=False)

    iterations: int = pydantic.Field(20_000, ge=1)  # the paper's number
    batch: int = pydantic.Field(8, ge=1)            # crops of sizes[0] per process
    #: Sides of the square crops with their chance; the batch shrinks to keep the pixel count.
    sizes: List[Tuple[Side, pydantic.NonNegativeFloat]] = pydantic.Field(
        [(256, 1.0)], min_length=1)
    rate: float = pydantic.Field(1e-3, gt=0)        # AdamW, at the end of the warm-up
    encoder_rate: float = pydantic.Field(1.0, ge=0)  # times rate: below 1 for pretrained encoders
    weight_decay: float = pydantic.Field(0.02, ge=0)
    warmup: int = pydantic.Field(200, ge=0)         # iterations; default: at most a quarter
    power: float = pydantic.Field(0.9, ge=0)        # of the poly schedule
    clip: float = pydantic.Field(5.0, gt=0)         # of the gradient's norm
    ema: float = pydantic.Field(0.999, ge=0, lt=1)  # decay, itself warmed up
    freeze_encoder_norm: bool = False               # keep the trunk's BatchNorm statistics
    #: As Lightning Fabric calls them; float16 needs a GPU, bfloat16 is slower on most CPUs.
    precision: Precision = '32-true'
    loss_stride: int = pydantic.Field(1, ge=1, le=4)  # labels count at every nth pixel: faster
    validate_every: int = pydantic.Field(0, ge=0)  # iterations; 0: in the end alone
    checkpoint_every: int = pydantic.Field(200, ge=1)  # iterations
    log_every: int = pydantic.Field(20, ge=1)       # iterations
    seed: int = pydantic.Field(0, ge=0, lt=2 ** 31)

    @pydantic.field_validator('sizes')
    @classmethod
    def _drawn(cls, sizes: List[Tuple[int, float]]) -> List[Tuple[int, float]]:
        if not any(chance for _, chance in sizes):
            raise ValueError('every chance is 0')
        return sizes

    @pydantic.model_validator(mode='after')
    def _warms_up(self) -> TrainingSettings:
        if 'warmup' not in self.model_fields_set:
            self.warmup = min(self.warmup, self.iterations // 4)
        if self.warmup > self.iterations:
            raise ValueError(f'warmup is {self.warmup} of {self.iterations} iterations: the rate '
                             'would never be reached')
        return self
