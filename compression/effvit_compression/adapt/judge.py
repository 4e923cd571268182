"""How good weights are on the pictures that are held out, while they are learnt."""
from __future__ import annotations

from typing import List, Sequence

import cv2
import numpy as np
import torch

from effvit_compression.adapt.labelled import Labelled
from effvit_compression.models.blend import blend, State
from effvit_compression.models.factory import SegmentationNet
from effvit_compression.training.evaluate import as_batch
from effvit_ros.core.metrics import ConfusionMatrix

#: Pictures that a check looks at; a check shall not take longer than learning.
MOST = 40


class Judge:
    """Scores weights by mIoU on held-out pictures, as deployment does: stretched, once each."""

    def __init__(self, held_out: Labelled, n_classes: int, side: int, device: torch.device):
        step = -(-len(held_out) // MOST)
        self._pictures = [held_out[index] for index in range(0, len(held_out), step)]
        self._inputs = [as_batch(image, side) for image, _ in self._pictures]
        self._n_classes = n_classes
        self._device = device

    @torch.inference_mode()
    def miou(self, net: SegmentationNet) -> float:
        """Pooled mIoU over the classes that occur; the network is in eval mode."""
        confusion = ConfusionMatrix(self._n_classes)
        for picture, (_, truth) in zip(self._inputs, self._pictures):
            labels = net(picture.to(self._device)).argmax(1)[0].to(torch.uint8).cpu().numpy()
            confusion.update(truth, cv2.resize(labels, truth.shape[::-1],
                                               interpolation=cv2.INTER_NEAREST_EXACT))
        return confusion.miou


def best_blend(net: SegmentationNet, judge: Judge, before: State, after: State,
               shares: Sequence[float]) -> 'tuple[float, float, State]':
    """
    Return the best mIoU, its share of the new and its weights; what was before is share 0.

    Among nearly equal ones the one nearer to the middle of them is no better: the first is taken.
    """
    net.load_state_dict(before)
    found: List[tuple] = [(judge.miou(net), 0.0, before)]
    for share in shares:
        state = blend(before, after, share)
        net.load_state_dict(state)
        found.append((judge.miou(net), share, state))
    best = max(range(len(found)), key=lambda i: (np.nan_to_num(found[i][0]), -i))
    return found[best]
