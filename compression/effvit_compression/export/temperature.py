"""The temperature that makes a bundle's confidence mean what it says (arXiv 1706.04599)."""
from __future__ import annotations

from typing import Iterable, List, Tuple

import cv2
import numpy as np

from effvit_ros.core.bundle import Bundle
from effvit_ros.core.classes import IGNORE
from effvit_ros.core.errors import UserError
from effvit_ros.core.segmenter import NO_SCORES, Segmenter

#: Points of each picture that are looked at, drawn with a fixed seed.
POINTS = 2000
#: Bounds of the search.
LOWEST, HIGHEST = 0.2, 10.0


def calibrated_temperature(bundle: Bundle,
                           samples: Iterable[Tuple[np.ndarray, np.ndarray]]) -> float:
    """
    Return the temperature with the least negative log-likelihood; 1 without labelled points.

    :param samples: pictures (H, W, 3) uint8 RGB that were not trained on, each with its truth
        (H, W) uint8, 255 ignored.
    :raises UserError: the bundle gives no scores.
    """
    scores: List[np.ndarray] = []
    truths: List[np.ndarray] = []
    rng = np.random.default_rng(0)
    with Segmenter(bundle) as segmenter:
        for image, truth in samples:
            found = segmenter.segment(image, 'rgb').scores
            if found is None:
                raise UserError(NO_SCORES)
            there = cv2.resize(truth, found.shape[:0:-1], interpolation=cv2.INTER_NEAREST).ravel()
            known = np.flatnonzero(there != IGNORE)
            chosen = rng.permutation(known)[:POINTS]
            scores.append(found.reshape(len(found), -1)[:, chosen].T.astype(np.float64))
            truths.append(there[chosen])
    if not sum(map(len, truths)):
        return 1.0
    return best_temperature(np.concatenate(scores), np.concatenate(truths))


def best_temperature(scores: np.ndarray, truth: np.ndarray) -> float:
    """
    Minimise the negative log-likelihood by golden section over the logarithm.

    :param scores: (points, classes); ``truth``, (points,) class ids.
    """
    own = scores[np.arange(len(scores)), truth.astype(int)]

    def loss(logarithm: float) -> float:
        scaled = scores / np.exp(logarithm)
        top = scaled.max(1)
        return float(np.mean(
            top + np.log(np.exp(scaled - top[:, None]).sum(1)) - own / np.exp(logarithm)))

    low, high = np.log(LOWEST), np.log(HIGHEST)
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(40):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))
