"""What is needed, besides the weights, to build a network again."""
from __future__ import annotations

from typing import Annotated, Any, Dict, Literal, Tuple

import pydantic

from effvit_compression.models.insertion import Insertion
from effvit_compression.models.shapes import BlockShape
from effvit_ros.core.classes import class_set, ClassSet, lpcv_classes
from effvit_ros.core.errors import UserError

#: Side of a pooled map.
Grid = pydantic.PositiveInt


def classes_of(value: Any) -> ClassSet:
    """
    Return a class set as checkpoints hold it: its fields, or 14, which LPCV's were written as.

    :raises ValueError: it is none.
    """
    if isinstance(value, ClassSet):
        return value
    if value == len(lpcv_classes()):
        return lpcv_classes()
    if not isinstance(value, dict):
        raise ValueError(f'classes is {value!r}: give the name of a set and its classes')
    try:
        return class_set(value, 'classes')
    except UserError as error:
        raise ValueError(str(error)) from error


#: A class set in a model's fields.
Classes = Annotated[ClassSet, pydantic.PlainValidator(classes_of),
                    pydantic.PlainSerializer(ClassSet.as_fields)]


class Architecture(pydantic.BaseModel):
    """A timm encoder under a light decoder. ``encoder`` is timm's name of the network."""

    model_config = pydantic.ConfigDict(extra='forbid')

    encoder: str
    #: The last two are peers', to be trained along with ours: DeepLabV3+ on a timm encoder, and
    #: LR-ASPP on torchvision's ``mobilenet_v3_large``.
    decoder: Literal['upernet', 'fpn', 'deeplabv3plus', 'lraspp'] = 'upernet'
    decoder_channels: int = pydantic.Field(32, ge=8, le=512)
    #: What its scores mean. A recipe gives its own set to the networks that it trains.
    classes: Classes = pydantic.Field(default_factory=lpcv_classes)
    mean: float = 127.0  # of the camera's 0..255 values, the same for all channels
    std: float = pydantic.Field(128.0, gt=0)
    #: MobileViT stage (2 to 4) -> side of its patches, where it is not timm's 2.
    patch_sizes: Dict[int, pydantic.PositiveInt] = {}
    #: MobileViT blocks behind levels of an EfficientNet trunk (3: the map at 1/8, 4, 5).
    insertions: Dict[int, Insertion] = {}
    #: Grids of UPerNet's pyramid pooling. Powers of two divide every map of a square input, so
    #: that pooling exports as AveragePool (the usual 1, 2, 3, 6 do not); they have no weights.
    pool_sizes: Tuple[Grid, Grid, Grid, Grid] = (1, 2, 4, 8)
    #: Shapes of transformer blocks that pruning changed, by the block's name.
    blocks: Dict[str, BlockShape] = {}
    #: Inputs and outputs of convolutions and norms that pruning changed, by the layer's name.
    widths: Dict[str, Tuple[pydantic.PositiveInt, pydantic.PositiveInt]] = {}

    @pydantic.model_validator(mode='after')
    def _consistent(self) -> Architecture:
        if self.decoder == 'fpn' and self.decoder_channels % 32:
            raise ValueError(f'decoder_channels is {self.decoder_channels}: fpn normalises in 32 '
                             'groups, give a multiple of 32')
        return self

    def takes_weights_of(self, other: Architecture) -> bool:
        """Return whether all else is equal but what is said of classes besides their names."""
        return (self.classes.names == other.classes.names
                and self.model_copy(update={'classes': other.classes}) == other)
