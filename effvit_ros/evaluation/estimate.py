"""
What a score would be, without truth, from calibrated confidence.

Where the network gives a class the probability p and p is calibrated, a pixel counts p to what is
right and p to what there is of the class: the expected counts of hits, truth and prediction give
an IoU as real ones do (soft IoU; the average confidence of Hendrycks & Gimpel, arXiv 1610.02136,
class by class). Confidence is calibrated on the views that the bundle was made for: far from them
networks are surer than they are right, so the estimate is too high there.
"""
from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional, Sequence

import numpy as np

from effvit_ros.evaluation.bootstrap import Counts, resample_weights

#: Share of all pixels that a class must be predicted on to be estimated.
LEAST_SHARE = 0.002
#: Resamples of the interval, and how many neighbouring frames are drawn together.
RESAMPLES, BLOCK = 500, 10


class MethodError(NamedTuple):
    """How much too high and too low estimates were found to be: docs/adapt.md has the table."""

    too_high: float
    too_low: float


#: On the views of the training, at other exposures and resolutions, in haze, blurred.
KNOWN = MethodError(0.12, 0.03)
#: On views of another kind, where networks are sure and wrong.
ELSEWHERE = MethodError(0.40, 0.03)


def expected_counts(scores: np.ndarray, temperature: float) -> np.ndarray:
    """
    Return shares of a picture (3, n): expected hits, expected truth, prediction of each class.

    :param scores: (n, h, w) float, the network's own; divided by ``temperature``.
    """
    n = len(scores)
    flat = scores.reshape(n, -1).astype(np.float32) / temperature
    flat = np.exp(flat - flat.max(axis=0))
    flat /= flat.sum(axis=0)
    winner = flat.argmax(axis=0)
    hits = np.bincount(winner, flat.max(axis=0), n)
    return np.stack([hits, flat.sum(axis=1), np.bincount(winner, minlength=n)]) / flat.shape[1]


def estimated_scores(expected: np.ndarray, names: Sequence[str],
                     distance: Optional[float] = None) -> Optional[Dict[str, Any]]:
    """
    Return the estimate for a report, None where no frame gave scores.

    The interval is that of the frames (95 %), widened by the error that the method was found to
    have on such views.

    :param expected: (F, 3, n), NaN for frames without.
    :param distance: mean distance from the views of the training, 1 at the limit
        (:mod:`effvit_ros.core.view`); None where the bundle does not say what those are, and
        nobody knows whether the view is one of them.
    :returns: ``miou`` with ``low`` and ``high``, ``of_the_frames`` (the interval as it was),
        ``method_error``, ``known_view`` (None: nobody knows) and ``per_class`` IoU.
    """
    known = expected[~np.isnan(expected).any(axis=(1, 2))]
    if not len(known):
        return None
    counts = Counts(*(known[:, row] for row in range(3)))
    seen = known[:, 2].mean(axis=0) >= LEAST_SHARE
    whole = _iou(counts, np.ones((1, len(known))))[0]
    resampled = np.concatenate([
        _iou(counts, weights)[:, seen].mean(axis=1)
        for weights in resample_weights(len(known), RESAMPLES, BLOCK, seed=0)])
    low, high = np.quantile(resampled, (0.025, 0.975)).tolist()
    error = KNOWN if distance is not None and distance <= 1 else ELSEWHERE
    return {'miou': float(whole[seen].mean()), 'low': max(0.0, low - error.too_high),
            'high': min(1.0, high + error.too_low), 'of_the_frames': [low, high],
            'method_error': error._asdict(),
            'known_view': None if distance is None else bool(distance <= 1),
            'per_class': {name: float(value) for name, value, here in zip(names, whole, seen)
                          if here}}


def _iou(counts: Counts, weights: np.ndarray) -> np.ndarray:
    hits, support, predicted = (weights @ part for part in counts)
    return hits / np.maximum(support + predicted - hits, 1e-12)
