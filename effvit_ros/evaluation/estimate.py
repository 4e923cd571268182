"""
What a score would be, without truth, from calibrated confidence.

Where the network gives a class the probability p and p is calibrated, a pixel counts p to what is
right and p to what there is of the class: the expected counts of hits, truth and prediction give
an IoU as real ones do (soft IoU; the average confidence of Hendrycks & Gimpel, arXiv 1610.02136,
class by class). Confidence is calibrated on the views that the bundle was made for: far from them
networks are surer than they are right, so the estimate is too high there.
"""
from __future__ import annotations

import numpy as np

from effvit_ros.evaluation.bootstrap import Counts, resample_weights

#: Share of all pixels that a class must be predicted on to be estimated.
LEAST_SHARE = 0.002
#: Resamples of the interval, and how many neighbouring frames are drawn together.
RESAMPLES, BLOCK = 500, 10


def expected_counts(scores, temperature):
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


def estimated_scores(expected, names):
    """
    Return the estimate for a report, None where no frame gave scores.

    :param expected: (F, 3, n), NaN for frames without.
    :returns: ``miou`` with ``low`` and ``high`` (95 %, of the frames), ``per_class`` IoU.
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
    return {'miou': float(whole[seen].mean()), 'low': low, 'high': high,
            'per_class': {name: float(value) for name, value, here in zip(names, whole, seen)
                          if here}}


def _iou(counts, weights):
    hits, support, predicted = (weights @ part for part in counts)
    return hits / np.maximum(support + predicted - hits, 1e-12)
