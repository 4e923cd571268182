"""A network of another framework, as it is before it becomes a bundle."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional, Tuple

import numpy as np
import onnx

from effvit_ros.core.errors import UserError

#: Mean and standard deviation, RGB of 0..255, by the name of a convention.
NORMALISATIONS = {
    'imagenet': ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    'unit': ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    'symmetric': ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    'none': ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


@dataclass(frozen=True)
class Normalisation:
    """What is subtracted from and divides the values 0..255, in the network's channel order."""

    mean: Tuple[float, float, float]
    std: Tuple[float, float, float]

    @staticmethod
    def named(name: str) -> 'Normalisation':
        """Return a convention; :raises UserError: there is none of the name."""
        if name not in NORMALISATIONS:
            raise UserError(f'--normalisation {name}: give one of {", ".join(NORMALISATIONS)}, or '
                            '--mean and --std')
        return Normalisation(*NORMALISATIONS[name])

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Normalise (H, W, 3) uint8: float32."""
        return (image.astype(np.float32) - np.array(self.mean, np.float32)) / np.array(
            self.std, np.float32)


@dataclass(frozen=True)
class Source:
    """
    A network that is to become a bundle.

    ``graph`` takes normalised float pictures, (1, 3, H, W) or with ``layout`` nhwc (1, H, W, 3),
    and gives scores (1, classes, h, w) (with
    ``scores_nhwc`` (1, h, w, classes)) or, where ``labels``, class ids. ``reference`` labels a
    picture (H, W, 3) uint8 in its own framework: (H, W) uint8. ``names``: its own classes by id,
    where it knows them.
    """

    graph: onnx.ModelProto
    height: int
    width: int
    classes: Optional[int]
    labels: bool
    layout: str
    order: str
    normalisation: Normalisation
    reference: Callable[[np.ndarray], np.ndarray]
    story: str
    licence: str = 'unknown'
    terms: str = ''
    names: Tuple[str, ...] = ()
    scores_nhwc: bool = False
