"""Cut channels out of convolutions of trunk and decoder, with all that depends on them."""
from __future__ import annotations

from typing import Callable, Collection, Dict, Iterable, List, Optional, Tuple

import torch
from torch import nn

from effvit_compression.models.factory import build, SegmentationNet
from effvit_compression.models.shapes import blocks
from effvit_compression.models.widths import widths
from effvit_ros.core.errors import UserError

#: Widths stay multiples of it, as vector units want them.
MULTIPLE = 8
#: Side of the picture that dependencies are traced with.
SIDE = 256
#: Criterion -> how torch_pruning, given its module, ranks the channels of a group.
CHANNEL_IMPORTANCES: Dict[str, Callable] = {
    'l1': lambda by: by.GroupMagnitudeImportance(p=1),
    'l2': lambda by: by.GroupMagnitudeImportance(p=2),
    'lamp': lambda by: by.LAMPImportance(p=2),
    'taylor': lambda by: by.GroupTaylorImportance(),
}


def check_channels(net: SegmentationNet) -> None:
    """Refuse a network whose channels can't be cut; :raises UserError: its norms are in groups."""
    if any(isinstance(module, nn.GroupNorm) for module in net.modules()):
        raise UserError(f'prune: channels: a decoder {net.architecture.decoder!r} normalises in '
                        'groups of channels, of which none can be cut: give decoder upernet')


def cut_channels(net: SegmentationNet, share: float, measure: str = 'l2', scope: str = 'layer',
                 only: Optional[Collection[str]] = None) -> SegmentationNet:
    """
    Remove a share of the channels of each convolution, in place.

    Transformer blocks and the classifier keep theirs. The architecture remembers the new widths.

    :param measure: one of :data:`CHANNEL_IMPORTANCES`; ``taylor`` needs what :func:`gather` does.
    :param scope: ``layer``, or ``global``: the least important of all layers together.
    :param only: names of the convolutions whose outputs may be cut.
    :raises UserError: see :func:`check_channels`.
    """
    import torch_pruning  # slow, and recipes are read without it
    check_channels(net)
    training = net.training
    pruner = torch_pruning.pruner.BasePruner(
        net.eval(), torch.zeros(1, 3, SIDE, SIDE),
        importance=CHANNEL_IMPORTANCES[measure](torch_pruning.importance),
        pruning_ratio=share, global_pruning=scope == 'global', max_pruning_ratio=0.8,
        ignored_layers=kept_layers(net, only), round_to=MULTIPLE)
    pruner.step()
    net.train(training)
    net.zero_grad(set_to_none=True)
    return remember_widths(net)


def kept_layers(net: SegmentationNet, only: Optional[Collection[str]]) -> List[nn.Module]:
    """Return the layers that keep all their outputs."""
    transformers = [net.get_submodule(name) for name in blocks(net)]
    kept = [*(layer for block in transformers for layer in block.modules()), net.head]
    if only is not None:
        # One that works by channel has those of the layer before it.
        kept += [layer for name, layer in net.named_modules()
                 if isinstance(layer, nn.Conv2d) and layer.groups == 1 and name not in only]
    return kept


def remember_widths(net: SegmentationNet) -> SegmentationNet:
    """Note in the network's architecture the widths that are not those it would have anyway."""
    plain = widths(build(net.architecture.model_copy(update={'widths': {}})))
    changed = {name: width for name, width in widths(net).items() if plain[name] != width}
    net.architecture = net.architecture.model_copy(update={'widths': changed})
    return net


def gather(net: SegmentationNet, samples: Iterable[Tuple[torch.Tensor, torch.Tensor]]) -> None:
    """
    Add up the gradients of the cross-entropy, which ``taylor`` weighs the weights by.

    :param samples: pictures (N, 3, H, W) with their labels (N, H, W), 255 ignored.
    """
    net.eval()
    net.zero_grad(set_to_none=True)
    for pictures, truth in samples:
        nn.functional.cross_entropy(net(pictures), truth.long(), ignore_index=255).backward()
