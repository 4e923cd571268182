"""Widths of convolutions and norms: found in a network, or forced onto a new one."""
from __future__ import annotations

from typing import Dict, Tuple, Union

import torch
from torch import nn

#: Channels that go in and out of a layer.
Width = Tuple[int, int]


def widths(net: nn.Module) -> Dict[str, Width]:
    """Return inputs and outputs of every convolution and norm, by name."""
    found = {}
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            found[name] = module.in_channels, module.out_channels
        elif isinstance(module, nn.BatchNorm2d):
            found[name] = module.num_features, module.num_features
        elif isinstance(module, nn.LayerNorm):
            found[name] = module.normalized_shape[0], module.normalized_shape[0]
    return found


@torch.no_grad()
def set_widths(net: nn.Module, wanted: Dict[str, Width]) -> None:
    """
    Give the named layers untrained weights of these widths, in place.

    :raises KeyError: the network has no such layer.
    """
    present = {name: net.get_submodule(name) for name in widths(net)}
    for name, (inputs, outputs) in wanted.items():
        layer = present[name]
        if isinstance(layer, nn.Conv2d):
            set_convolution(layer, inputs, outputs)
        elif isinstance(layer, (nn.BatchNorm2d, nn.LayerNorm)):
            set_norm(layer, outputs)


def set_convolution(layer: nn.Conv2d, inputs: int, outputs: int) -> None:
    """Give a convolution untrained weights of these widths, in place."""
    if layer.groups > 1:  # by channel: there are no other groups in these networks
        layer.groups = outputs
    layer.in_channels, layer.out_channels = inputs, outputs
    layer.weight = nn.Parameter(layer.weight.new_empty(
        outputs, inputs // layer.groups, *layer.kernel_size))
    if layer.bias is not None:
        layer.bias = nn.Parameter(layer.bias.new_empty(outputs))
    layer.reset_parameters()


def set_norm(layer: Union[nn.BatchNorm2d, nn.LayerNorm], width: int) -> None:
    """Give a BatchNorm or LayerNorm untrained weights of a width, in place."""
    for key in ('weight', 'bias'):
        setattr(layer, key, nn.Parameter(getattr(layer, key).new_ones(width)))
    if isinstance(layer, nn.LayerNorm):
        layer.normalized_shape = (width,)
    else:
        layer.num_features = width
        for key in ('running_mean', 'running_var'):
            setattr(layer, key, getattr(layer, key).new_ones(width))
    layer.reset_parameters()
