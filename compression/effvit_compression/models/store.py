"""
Networks on disk: safetensors next to the architecture that rebuilds them.

A checkpoint keeps ``model.safetensors`` and ``architecture.yaml``; a bundle keeps
``network.safetensors``, in half precision, and its architecture in the manifest.
"""
from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Dict

import pydantic
import safetensors
import torch
import yaml
from safetensors.torch import load, load_file, save

from effvit_compression.data.description import one_line
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build, SegmentationNet
from effvit_ros.core.bundle import Bundle, is_bundle, load_bundle
from effvit_ros.core.errors import UserError
from effvit_ros.core.whole_file import write_bytes, write_text

WEIGHTS = 'model.safetensors'
#: File of a bundle's network.
NETWORK = 'network.safetensors'
ARCHITECTURE = 'architecture.yaml'


def save_model(net: SegmentationNet, folder: Path) -> None:
    """
    Write the network into a folder; each file is whole or not there.

    :raises UserError: the place can't be written, or the disk is full.
    """
    tensors = {name: t.detach().cpu().contiguous() for name, t in net.state_dict().items()}
    write_bytes(folder / WEIGHTS, save(tensors))
    write_text(folder / ARCHITECTURE,
               yaml.safe_dump(net.architecture.model_dump(mode='json'), sort_keys=False))


def load_model(folder: Path) -> SegmentationNet:
    """
    Build the stored network, in eval mode.

    :raises UserError: files are missing or damaged, or weights and architecture differ.
    """
    folder = Path(folder)
    if not (folder / ARCHITECTURE).is_file():
        raise UserError(f'model {folder}: no {ARCHITECTURE} in it: it is no stored network')
    try:
        fields = yaml.safe_load((folder / ARCHITECTURE).read_text(encoding='utf-8'))
        tensors = load_file(folder / WEIGHTS)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, safetensors.SafetensorError) as error:
        raise UserError(f'model {folder}: {" ".join(str(error).split())}') from error
    try:
        net = build(Architecture.model_validate(fields))
    except pydantic.ValidationError as error:
        raise UserError(f'model {folder / ARCHITECTURE}: {one_line(error)}') from error
    check_tensors(net, tensors, f'model {folder / WEIGHTS}', ARCHITECTURE)
    net.load_state_dict(tensors)
    return net.eval()


def load_network(folder: Path) -> SegmentationNet:
    """
    Build the network that a checkpoint or a bundle holds, in eval mode.

    :raises UserError: neither is there, or it can't be read.
    """
    return network_of(load_bundle(folder)) if is_bundle(folder) else load_model(folder)


def save_network(net: SegmentationNet, folder: Path) -> None:
    """Write ``network.safetensors``: matrices in half precision, vectors as they are."""
    write_bytes(folder / NETWORK, save({
        name: (t.half() if t.is_floating_point() and t.ndim > 1 else t).detach().cpu().contiguous()
        for name, t in net.state_dict().items()}))


def network_of(bundle: Bundle) -> SegmentationNet:
    """
    Build the network that a bundle's graphs were made of, in eval mode.

    :raises UserError: the bundle has none (formats 1 and 2, imported models), or a damaged one.
    """
    entry, fields = bundle.manifest.get('network'), bundle.manifest.get('architecture')
    if not isinstance(entry, dict) or not fields:
        raise UserError(f'{bundle.path}: holds no network to train on, only graphs that fly, as '
                        'imported models do: give a bundle of format 3 that effvit-compress '
                        'trained, or train this one on in its own framework and import it again')
    file = bundle.path / NETWORK
    try:
        data = file.read_bytes()
        if hashlib.sha256(data).hexdigest() != entry.get('sha256'):
            raise UserError(f'{file}: its sha256 is not the manifest\'s: the file is damaged or '
                            'not of this bundle; copy the bundle again')
        tensors = {name: t.float() if t.is_floating_point() else t
                   for name, t in load(data).items()}
        net = build(Architecture.model_validate({**fields, 'classes': bundle.class_set}))
    except OSError as error:
        raise UserError(f'{file}: {error.strerror}: copy the whole bundle') from error
    except safetensors.SafetensorError as error:
        raise UserError(f'{file}: {" ".join(str(error).split())}') from error
    except pydantic.ValidationError as error:
        raise UserError(f'{bundle.path}: architecture: {one_line(error)}') from error
    check_tensors(net, tensors, str(file), 'the manifest')
    net.load_state_dict(tensors)
    return net.eval()


def check_tensors(net: SegmentationNet, tensors: Dict[str, torch.Tensor], here: str,
                  there: str) -> None:
    """
    Compare names and shapes with the network's.

    :param here: where the tensors are from, ``there``: the architecture, for the message.
    :raises UserError: one is missing, unknown or of another shape.
    """
    expected = net.state_dict()
    for name in [*expected, *tensors]:
        ours, theirs = tensors.get(name), expected.get(name)
        if ours is None or theirs is None or ours.shape != theirs.shape:
            raise UserError(
                f'{here}: weights of another architecture: {name} is '
                f'{"missing" if ours is None else tuple(ours.shape)} there, '
                f'{"unknown" if theirs is None else tuple(theirs.shape)} by {there}')
