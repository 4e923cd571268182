"""How a graph in INT8 is made and when it is kept."""
from __future__ import annotations

import pydantic

from effvit_compression.export.price import MOST_LOST_CLASS


class Int8Settings(pydantic.BaseModel):
    """How a graph in INT8 is made and when it is kept."""

    model_config = pydantic.ConfigDict(extra='forbid')

    pictures: int = pydantic.Field(100, ge=1)  # train pictures, for the activations' ranges
    most_lost: float = pydantic.Field(0.01, ge=0, le=1)  # mIoU, on any set of val pictures
    most_lost_class: float = pydantic.Field(MOST_LOST_CLASS, ge=0, le=1)  # IoU of any class
