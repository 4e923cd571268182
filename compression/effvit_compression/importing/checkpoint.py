"""Checkpoints of other frameworks: weights without pickles, networks built from their config."""
from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional, Tuple

import numpy as np
import onnx
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from effvit_compression.export.graph import exported
from effvit_compression.importing.onnx_file import from_scores
from effvit_compression.importing.source import Normalisation, Source
from effvit_ros.core.errors import UserError

OPSET = 18
WEIGHTS = ('model.safetensors', 'pytorch_model.safetensors')
CONFIG = 'config.json'
SEGFORMER = 'SegformerForSemanticSegmentation'


#: Given a network and normalised pictures, gives its scores on its own grid.
Scores = Callable[[nn.Module, torch.Tensor], torch.Tensor]


class Read(NamedTuple):
    """A network, how it gives scores, how its pictures are normalised, its classes' names."""

    net: nn.Module
    scores: Scores
    normalisation: Normalisation
    names: Tuple[str, ...]


class _Scores(nn.Module):
    """A network that gives scores alone."""

    def __init__(self, net: nn.Module, scores: Scores):
        super().__init__()
        self.net = net
        self._scores = scores

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return (1, classes, h, w)."""
        return self._scores(self.net, image)


def read_checkpoint(path: Path, arch: str, classes: int, size: Optional[Tuple[int, int]],
                    normalisation: Optional[Normalisation]) -> Source:
    """
    Read a folder of segmentation_models.pytorch or Hugging Face, or torchvision's state dict.

    :param arch: torchvision's name of the network, for a file of weights.
    :param size: (width, height) of the input.
    :raises UserError: unknown or unreadable, weights that don't fit, or no size.
    """
    if size is None:
        raise UserError(f'{path}: a checkpoint does not say its input: give --size WIDTHxHEIGHT, '
                        'that of its training')
    if path.is_dir():
        config = read_config(path)
        if SEGFORMER in (config.get('architectures') or []):
            net, scores, own, names = segformer(path)
        elif '_model_class' in config:
            net, scores, own, names = smp_network(path, config)
        else:
            raise UserError(f'{path / CONFIG}: neither a {SEGFORMER} nor saved by '
                            'segmentation_models.pytorch')
    elif arch:
        net, scores, own, names = torchvision_network(path, arch, classes)
    else:
        raise UserError(f'{path}: weights alone: give --arch, torchvision\'s name of the network, '
                        'or the folder with config.json')
    normalisation = normalisation or own
    module = _Scores(net, scores).eval()
    return Source(export(module, size, path), size[1], size[0], None, False, 'nchw', 'rgb',
                  normalisation, labeller(module, normalisation, size),
                  f'Imported from {path.name} ({type(net).__name__}).', names=names)


def read_config(folder: Path) -> dict:
    """Read config.json; :raises UserError: missing or no JSON object."""
    return read_object(folder / CONFIG)


def read_object(path: Path) -> dict:
    """Read a JSON object; :raises UserError: it is none."""
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise UserError(f'{path}: not readable ({error})') from error
    if not isinstance(content, dict):
        raise UserError(f'{path}: not a JSON object but a {type(content).__name__}')
    return content


def segformer(folder: Path) -> Read:
    """Return a SegFormer of Hugging Face's transformers, which must be installed."""
    try:
        from transformers import SegformerForSemanticSegmentation
    except ImportError as error:
        raise UserError(f'a SegFormer needs transformers ({error}): pip install '
                        "'effvit-compression[huggingface]'") from error
    weights_in(folder)
    try:
        kind: Any = SegformerForSemanticSegmentation  # its hints name no such pair
        net, found = kind.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True)
    except Exception as error:  # what checks its config raises kinds of its own
        raise UserError(f'{folder}: {" ".join(str(error).split())[:200]}') from error
    odd = [*found['missing_keys'], *found['unexpected_keys'], *found['mismatched_keys']]
    if odd:
        raise UserError(f'{folder}: weights of another network: {odd[0]} does not fit')
    names = tuple(name for _, name in sorted(net.config.id2label.items()))
    return Read(net, lambda net, image: net(image).logits, preprocessing(folder), names)


def preprocessing(folder: Path) -> Normalisation:
    """
    Return what preprocessor_config.json says, ImageNet's where it says nothing.

    :raises UserError: it holds no numbers.
    """
    path = folder / 'preprocessor_config.json'
    given = read_object(path) if path.is_file() else {}
    scaled, normalised = (given.get(key, True) for key in ('do_rescale', 'do_normalize'))
    if normalised and scaled and not {'image_mean', 'image_std'} <= given.keys():
        return Normalisation.named('imagenet')
    try:
        factor = 1 / float(given.get('rescale_factor', 1 / 255)) if scaled else 1.0
        mean, std = ([float(value) for value in given[key]] if normalised else [by_default] * 3
                     for key, by_default in (('image_mean', 0.0), ('image_std', 1.0)))
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise UserError(f'{path}: no normalisation of three channels ({error})') from error
    if not len(mean) == len(std) == 3 or not np.isfinite(mean + std).all() or min(std) <= 0:
        raise UserError(f'{path}: image_mean and image_std of {mean} and {std}: give three '
                        'numbers each, std above 0')
    return Normalisation((factor * mean[0], factor * mean[1], factor * mean[2]),
                         (factor * std[0], factor * std[1], factor * std[2]))


def smp_network(folder: Path, config: dict) -> Read:
    """Return a network that segmentation_models.pytorch saved."""
    import segmentation_models_pytorch as smp
    settings = {key: value for key, value in config.items() if not key.startswith('_')}
    kind = {cls.__name__: cls for cls in smp.MODEL_ARCHITECTURES_MAPPING.values()}.get(
        config['_model_class'])
    if kind is None:
        raise UserError(f'{folder / CONFIG}: smp has no network {config["_model_class"]!r}')
    settings['encoder_weights'] = None  # they are in the file
    try:
        net = kind(**settings)
    except Exception as error:  # each network has checks of its own
        raise UserError(f'{folder / CONFIG}: {" ".join(str(error).split())[:200]}') from error
    fill(net, weights_in(folder), folder)
    return Read(net, lambda net, image: net(image), Normalisation.named('imagenet'), ())


def torchvision_network(path: Path, arch: str, classes: int) -> Read:
    """Return one of torchvision's segmentation networks with the weights of a state dict."""
    from torchvision.models import get_model, list_models, segmentation
    if arch not in list_models(segmentation):
        raise UserError(f'--arch {arch}: torchvision has {", ".join(list_models(segmentation))}')
    state = weights_of(path)
    extra = {} if arch.startswith('lraspp') else {
        'aux_loss': any(key.startswith('aux_classifier') for key in state)}
    net = get_model(arch, weights=None, weights_backbone=None, num_classes=classes, **extra)
    fill(net, state, path)

    def scores(net: nn.Module, image: torch.Tensor) -> torch.Tensor:
        # On the network's own grid, before it enlarges them.
        features = net.get_submodule('backbone')(image)
        return net.get_submodule('classifier')(
            features if arch.startswith('lraspp') else features['out'])
    return Read(net, scores, Normalisation.named('imagenet'), ())


def weights_in(folder: Path) -> dict:
    """Return the weights of a folder; :raises UserError: there are none without pickles."""
    for name in WEIGHTS:
        if (folder / name).is_file():
            return weights_of(folder / name)
    raise UserError(f'{folder}: no {WEIGHTS[0]}: weights in pickles are not read; save them by '
                    'save_pretrained(..., safe_serialization=True)')


def weights_of(path: Path) -> dict:
    """Return tensors by name; :raises UserError: unreadable, or Python objects among them."""
    try:
        if path.suffix == '.safetensors':
            return load_file(path)
        state = torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, EOFError, OSError) as error:
        raise UserError(f'{path}: no weights alone, and Python objects are never unpickled: save '
                        f'net.state_dict() ({" ".join(str(error).split())[:80]})') from error
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise UserError(f'{path}: no state dict (names and tensors): save net.state_dict()')
    return state


def fill(net: nn.Module, state: dict, where: Path) -> None:
    """Fill a network; :raises UserError: the weights are another's."""
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise UserError(f'{where}: weights of another network: '
                        f'{" ".join(str(error).split())[:200]}') from error


def export(module: nn.Module, size: Tuple[int, int], path: Path) -> onnx.ModelProto:
    """Return the ONNX graph; :raises UserError: torch can't export it."""
    image = torch.zeros(1, 3, size[1], size[0])
    try:
        return exported(module, (image,), ['normalised'], ['own_scores'], OPSET)
    except Exception as error:  # the exporter raises its own kinds
        raise UserError(f'{path}: torch can\'t export it at {size[0]}x{size[1]}: '
                        f'{" ".join(str(error).split())[:160]}') from error


def labeller(module: nn.Module, normalisation: Normalisation, size: Tuple[int, int],
             ) -> Callable[[np.ndarray], np.ndarray]:
    """Give a function that labels a picture (H, W, 3) uint8 RGB in torch."""
    @torch.inference_mode()
    def label(image: np.ndarray) -> np.ndarray:
        picture = torch.from_numpy(normalisation.apply(image)).permute(2, 0, 1)[None]
        return from_scores(module(picture)[0].numpy(), size[::-1])
    return label
