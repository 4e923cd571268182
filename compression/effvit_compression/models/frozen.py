"""A network that only looks: fused where that is possible, which halves a teacher's time."""
from __future__ import annotations

import contextlib
import warnings
from typing import List, Optional, Tuple

import torch
from torch import nn

from effvit_compression.models.factory import channels_last, SegmentationNet


class _Features(nn.Module):
    """Traceable: a flat tuple of the encoder maps and the scores."""

    def __init__(self, net: SegmentationNet):
        super().__init__()
        self.net = net

    def forward(self, image: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        """Return the maps, coarser and coarser, then the scores."""
        maps, scores = self.net.features(image)
        return (*maps, scores)


class Frozen:
    """
    ``SegmentationNet.features`` of a trained network, without gradients, for pictures of any size.

    On a CPU convolutional networks are traced, which lets torch fuse their BatchNorm and
    activations, and compute in float32 whatever the training does: bfloat16 is slower there.
    Transformers compute with the sizes of their pictures, which a trace would fix: they run as
    they are. On a GPU all do, in the precision of the training around them.

    :param device: where it runs.
    """

    def __init__(self, net: SegmentationNet, device: torch.device = torch.device('cpu')):
        net = channels_last(net.eval().requires_grad_(False).to(device))
        plain = _Features(net).eval()
        self._run: nn.Module = (device.type == 'cpu' and _traced(plain, device)) or plain

    @torch.no_grad()
    def features(self, image: torch.Tensor) -> Tuple[List[torch.Tensor], torch.Tensor]:
        """Return encoder maps at [1, 1/2, ..., 1/32] and class scores at 1/4."""
        on_cpu = image.device.type == 'cpu'
        with torch.autocast('cpu', enabled=False) if on_cpu else contextlib.nullcontext():
            *maps, scores = self._run(image.contiguous(memory_format=torch.channels_last))
        return maps, scores


@torch.no_grad()
def _traced(plain: _Features, device: torch.device) -> Optional[nn.Module]:
    """Trace and fuse, and prove it on a picture of another shape; None where that fails."""
    def picture(*shape: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        return torch.rand(shape, generator=generator).mul(255).to(device).contiguous(
            memory_format=torch.channels_last)

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # torch.jit is deprecated, but nothing else fuses here
        traced = torch.jit.trace(plain, picture(2, 3, 128, 128))
        fused = torch.jit.optimize_for_inference(torch.jit.freeze(traced))
    other = picture(1, 3, 128, 192)
    try:
        same = torch.allclose(fused(other)[-1], plain(other)[-1], rtol=1e-3, atol=1e-3)
    except RuntimeError:
        return None
    return fused if same else None
