"""A network without its inserted MobileViT blocks: what they are worth, and what they cost."""
from __future__ import annotations

from effvit_compression.models.factory import SegmentationNet
from effvit_compression.models.insertion import LAST_BLOCK


def drop_insertions(net: SegmentationNet) -> None:
    """
    Take the inserted blocks out of a network, in place: each map goes on as the trunk made it.

    Its architecture says so afterwards.
    """
    stages = getattr(net.encoder.model, 'blocks', [])
    names = {f'encoder.model.blocks.{LAST_BLOCK[level]}.0.':
             f'encoder.model.blocks.{LAST_BLOCK[level]}.' for level in net.architecture.insertions}
    for level in net.architecture.insertions:
        stages[LAST_BLOCK[level]] = stages[LAST_BLOCK[level]][0]

    def renamed(name: str) -> str:
        for old, new in names.items():
            if name.startswith(old):
                return new + name[len(old):]
        return name

    kept = {name for name, _ in net.named_modules()}
    changes = {field: {renamed(name): value
                       for name, value in getattr(net.architecture, field).items()
                       if renamed(name) in kept} for field in ('blocks', 'widths')}
    net.architecture = net.architecture.model_copy(update={'insertions': {}, **changes})
