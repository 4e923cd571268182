"""Networks on disk: ``model.safetensors`` beside the ``architecture.yaml`` that rebuilds them."""
from __future__ import annotations

from pathlib import Path

import pydantic
import safetensors
import yaml
from safetensors.torch import load_file, save

from effvit_compression.data.description import one_line
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build, SegmentationNet
from effvit_ros.core.errors import UserError
from effvit_ros.core.whole_file import write_bytes, write_text

WEIGHTS = 'model.safetensors'
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
    try:
        fields = yaml.safe_load((folder / ARCHITECTURE).read_text(encoding='utf-8'))
        tensors = load_file(folder / WEIGHTS)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, safetensors.SafetensorError) as error:
        raise UserError(f'model {folder}: {" ".join(str(error).split())}') from error
    try:
        net = build(Architecture.model_validate(fields))
    except pydantic.ValidationError as error:
        raise UserError(f'model {folder / ARCHITECTURE}: {one_line(error)}') from error
    expected = net.state_dict()
    for name in [*expected, *tensors]:
        here, there = tensors.get(name), expected.get(name)
        if here is None or there is None or here.shape != there.shape:
            raise UserError(
                f'model {folder}: weights of another architecture: {name} is '
                f'{"missing" if here is None else tuple(here.shape)} in {WEIGHTS}, '
                f'{"unknown" if there is None else tuple(there.shape)} by {ARCHITECTURE}')
    net.load_state_dict(tensors)
    return net.eval()
