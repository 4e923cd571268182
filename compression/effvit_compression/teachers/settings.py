"""Who teaches what, and where."""
from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Optional, Tuple

import numpy as np
import pydantic

from effvit_compression.data.augment import Augmentation
from effvit_ros.core.classes import ClassSet

#: Of a channel.
Three = Tuple[float, float, float]
#: Side of a DINOv2's patches.
PATCH = 14


class Asked(pydantic.BaseModel):
    """A teacher that is asked once about each picture."""

    model_config = pydantic.ConfigDict(extra='forbid', allow_inf_nan=False,
                                       protected_namespaces=())

    side: int = pydantic.Field(512, ge=64, le=4096)  # of its input
    #: It sees the whole picture (1), and windows of half (2), a third (3) ... of its side.
    windows: List[int] = pydantic.Field([1], min_length=1)
    flip: bool = True             # the mean of the picture's answer and its mirror image's
    #: Dataset -> weight of what it says there; where it is not named it is not asked.
    datasets: Dict[str, pydantic.PositiveFloat]
    #: Class name -> weight of its opinion on that class; others weigh ``others``.
    classes: Dict[str, pydantic.NonNegativeFloat] = {}
    others: pydantic.NonNegativeFloat = 1.0

    @property
    def asking(self) -> dict:
        """Return what decides its answers: all but what they weigh afterwards."""
        fields = self.model_dump(mode='json', exclude={
            'classes', 'others', 'model', 'onnx', 'weights_file'})
        return {**fields, 'datasets': sorted(self.datasets)}

    @property
    def weighing(self) -> list:
        """Return what its answers weigh."""
        return [self.datasets, self.classes, self.others]

    def weights(self, dataset: str, classes: ClassSet) -> np.ndarray:
        """Weight (classes,) float32 of what it says of a dataset."""
        return self.datasets[dataset] * np.array(
            [self.classes.get(name, self.others) for name in classes.names], np.float32)


class KnownTeacher(Asked):
    """
    A trained network: ``model`` is a checkpoint or a bundle, ``onnx`` a graph of somebody else's.

    A graph takes (1, 3, ``side``, ``side``) float32 RGB, less ``mean``, over ``std``, and gives
    scores (1, classes, h, w) of the recipe's classes in their order.
    """

    name: str = pydantic.Field(pattern=r'^\w[\w-]*$')
    model: Optional[Path] = None
    onnx: Optional[Path] = None
    mean: Three = (0.0, 0.0, 0.0)
    std: Three = (1.0, 1.0, 1.0)

    @pydantic.model_validator(mode='after')
    def _consistent(self) -> KnownTeacher:
        if (self.model is None) == (self.onnx is None):
            raise ValueError(f'teacher {self.name}: give model or onnx')
        return self


class TransformerTeacher(Asked):
    """
    A pretrained vision transformer, frozen, under a small head that is trained here.

    Its features of the views that the head learns from are computed once and kept.
    """

    encoder: str = 'vit_small_patch14_dinov2.lvd142m'  # timm's name
    weights_file: Optional[Path] = None  # safetensors with timm's names; without: from the hub
    side: int = pydantic.Field(392, ge=PATCH, le=1400, multiple_of=4 * PATCH)
    #: Whose tokens the head sees; the last alone is weaker.
    blocks: List[int] = pydantic.Field([5, 11], min_length=1)
    views: int = pydantic.Field(600, ge=2)       # augmented crops that the head learns from
    #: Dataset -> share of the views, instead of the source's; above 0.
    shares: Dict[str, pydantic.PositiveFloat] = {}
    #: Of the views, whatever the source: there are few of them, so they differ little.
    augmentation: Augmentation = Augmentation(scale=(0.7, 1.5), mosaic=True, colour=0.2)
    width: int = pydantic.Field(64, ge=8)        # of the head
    iterations: int = pydantic.Field(400, ge=1)
    batch: int = pydantic.Field(8, ge=2)
    rate: float = pydantic.Field(1.5e-3, gt=0)
