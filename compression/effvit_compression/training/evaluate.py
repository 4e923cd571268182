"""Score a torch network on a split by the protocol that bundles are scored by."""
from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

import numpy as np
import torch

from effvit_compression.data.pictures import Pictures, stretched
from effvit_compression.evaluation import reduction
from effvit_ros.core.metrics import ConfusionMatrix, LpcvDice
from effvit_ros.core.resize import nearest


class Evaluation(NamedTuple):
    """Scores over a set; ``names`` are the classes that were told apart."""

    confusion: ConfusionMatrix
    dice: LpcvDice
    names: Tuple[str, ...]


@torch.inference_mode()
def evaluate(net: torch.nn.Module, pictures: Pictures, size: int) -> Evaluation:
    """
    Stretch whole pictures to size x size, label them, compare at the pictures' own size.

    Where only some classes of a dataset are trusted, these are scored against the rest.

    :param net: in eval mode; takes (1, 3, size, size) of 0..255.
    """
    table, names = reduction(pictures.description.target.names, pictures.description.trusted)
    confusion, dice = ConfusionMatrix(len(names)), LpcvDice(len(names))
    device = next(net.parameters()).device
    for index in range(len(pictures)):
        image, truth = pictures[index]
        labels = predict(net, image, size, device)
        labels = nearest(labels, truth.shape[::-1])
        truth, labels = table[truth], table[labels]
        confusion.update(truth, labels)
        dice.update(truth, labels)
    return Evaluation(confusion, dice, names)


def as_batch(image: np.ndarray, size: int) -> torch.Tensor:
    """(1, 3, size, size) uint8 of a picture (H, W, 3) uint8 RGB, stretched to size x size."""
    return torch.from_numpy(stretched(image, size)).permute(2, 0, 1)[None]


def predict(net: torch.nn.Module, image: np.ndarray, size: int,
            device: Optional[torch.device] = None) -> np.ndarray:
    """Labels (size, size) uint8 of a picture (H, W, 3) uint8 RGB, stretched to size x size."""
    return net(as_batch(image, size).to(device)).argmax(1)[0].to(torch.uint8).cpu().numpy()
