"""Whether confidence means what it says: of pixels that are 80 % sure, 80 % should be right."""
from __future__ import annotations

from typing import Any, Dict, Optional

import numpy as np

#: Bins of equal width that confidence is counted in.
BINS = 20


class Reliability:
    """
    Counts of pixels by confidence.

    ``counts`` is (3, BINS) int64: all pixels, those with a truth, those whose label is right.
    """

    def __init__(self, counts: Optional[np.ndarray] = None) -> None:
        """Start with zero counts, or with given ones."""
        self.counts = np.zeros((3, BINS), np.int64) if counts is None else np.asarray(counts)

    def update(self, confidence: np.ndarray, labels: Optional[np.ndarray] = None,
               truth: Optional[np.ndarray] = None, n_classes: int = 0) -> Reliability:
        """
        Add one picture.

        :param confidence: (H, W) uint8, 255 certain.
        :param labels: what was predicted and ``truth``, (H, W) uint8; None where unknown. Pixels
            whose truth is none of ``n_classes`` count as unknown.
        """
        self.counts[0] += _by_bin(confidence.ravel())
        if truth is not None:
            known = truth < n_classes
            self.counts[1] += _by_bin(confidence[known])
            self.counts[2] += _by_bin(confidence[known & (truth == labels)])
        return self

    @property
    def known(self) -> bool:
        """Return whether a truth was seen."""
        return bool(self.counts[1].any())

    @property
    def accuracy(self) -> np.ndarray:
        """Return the share of right labels in each bin, (BINS,) float, NaN in empty ones."""
        with np.errstate(invalid='ignore'):
            return self.counts[2] / self.counts[1]

    @property
    def expected_error(self) -> float:
        """
        Return the expected calibration error: how far confidence is from accuracy, 0..1.

        The mean over the bins of their distance, by their pixels with truth; NaN without any.
        """
        known = self.counts[1]
        if not self.known:
            return float('nan')
        distance = np.abs(self.counts[2] - known * centres())
        return float(distance.sum() / known.sum())

    @property
    def shares(self) -> np.ndarray:
        """Return the share of all pixels in each bin, (BINS,) float."""
        return self.counts[0] / max(1, self.counts[0].sum())

    def as_dict(self) -> Optional[Dict[str, Any]]:
        """Return plain numbers for a report; None where there was no truth."""
        accuracy = [None if np.isnan(a) else round(float(a), 6) for a in self.accuracy]
        return {'bins': BINS, 'shares': [round(float(s), 6) for s in self.shares],
                'accuracy': accuracy if self.known else None,
                'expected_calibration_error': (
                    round(self.expected_error, 6) if self.known else None)}


def centres() -> np.ndarray:
    """Return the middle of each bin, (BINS,) float of 0..1."""
    return (np.arange(BINS) + 0.5) / BINS


def _by_bin(values: np.ndarray) -> np.ndarray:
    """Return how many uint8 values lie in each bin."""
    counts = np.bincount(values, minlength=256)
    return np.add.reduceat(counts, -(-np.arange(BINS) * 256 // BINS))
