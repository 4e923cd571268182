"""What teachers said of each picture of a split: class probabilities, kept on disk."""
from __future__ import annotations

from pathlib import Path
from typing import List, NamedTuple, Sequence

import numpy as np

from effvit_ros.core.resize import nearest

#: Side of a stored answer, whatever the picture's shape: a quarter of the usual input's.
GRID = 128


class Voice(NamedTuple):
    """
    A teacher's answers and what they weigh.

    ``file``: (pictures, GRID, GRID, classes) float16, NumPy's format. ``weights``: (classes,)
    float32; what a teacher knows nothing of weighs 0.
    """

    file: Path
    weights: np.ndarray


class Answers:
    """The weighted mean of several teachers' answers, by picture; the files are mapped."""

    def __init__(self, voices: Sequence[Voice]):
        self._maps: List[np.ndarray] = [np.load(voice.file, mmap_mode='r') for voice in voices]
        self._weights = [voice.weights.astype(np.float32) for voice in voices]

    def __getitem__(self, index: int) -> np.ndarray:
        """Probabilities (GRID, GRID, classes) float32 of a picture."""
        return mean([answers[index] for answers in self._maps], self._weights)


def mean(answers: Sequence[np.ndarray], weights: Sequence[np.ndarray]) -> np.ndarray:
    """
    Mean of probabilities (..., classes), each class by the weights (classes,) of the answers.

    What no answer has a weight for is left out; the rest adds up to 1 again.
    """
    total = sum(answer.astype(np.float32) * weight for answer, weight in zip(answers, weights))
    whole = sum(weights)
    total = np.divide(total, whole, out=np.zeros_like(total), where=whole > 0)
    return total / total.sum(axis=-1, keepdims=True).clip(1e-6)


def corrected(answer: np.ndarray, label: np.ndarray, by_hand: np.ndarray, other: int,
              ) -> np.ndarray:
    """
    Put what a hand has labelled in the place of what a teacher thinks.

    :param answer: (h, w, classes) float32.
    :param label: (H, W) uint8 of the same view.
    :param by_hand: (classes,) bool, the classes that were labelled by hand; none: the answer
        stays as it is, because the labels are learnt along with it.
    :param other: label of a pixel that is none of these.
    """
    if not by_hand.any():
        return answer
    label = nearest(label, answer.shape[1::-1])
    answer = answer.copy()
    answer[(label == other)[..., None] & by_hand] = 0
    answer /= answer.sum(axis=-1, keepdims=True).clip(1e-6)
    for index in np.flatnonzero(by_hand):
        answer[label == index] = np.eye(len(by_hand), dtype=np.float32)[index]
    return answer
