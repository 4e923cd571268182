"""
Scores of label maps: pooled mIoU, per-class IoU and Dice, and LPCV 2023's mean Dice.

The only implementation in the project: what training selects by, what the node's demo shows and
what bag reports print come from here.
"""
from __future__ import annotations

from typing import Dict, List, Optional, Sequence

import numpy as np


class ConfusionMatrix:
    """
    Counts of pixels by true class (row) and predicted class (column).

    ``matrix`` is (n, n + 1) int64: its last column holds pixels predicted as none of the n
    classes. Pixels whose truth is not one of the n classes (255, say) count nowhere.
    """

    def __init__(self, n_classes: int) -> None:
        """Start with zero counts for ``n_classes`` classes."""
        self.n_classes = n_classes
        self.matrix = np.zeros((n_classes, n_classes + 1), np.int64)

    def update(self, truth: np.ndarray, prediction: np.ndarray) -> ConfusionMatrix:
        """
        Add one picture; both are uint8 arrays of one shape.

        :raises ValueError: when the shapes differ.
        """
        if truth.shape != prediction.shape:
            raise ValueError(
                f'truth is {truth.shape} and prediction {prediction.shape}: sizes must be equal')
        n = self.n_classes
        counted = truth < n
        rows = truth[counted].astype(np.int32)
        columns = np.minimum(prediction[counted], n).astype(np.int32)
        self.matrix += np.bincount(rows * (n + 1) + columns,
                                   minlength=n * (n + 1)).reshape(n, n + 1)
        return self

    @property
    def support(self) -> np.ndarray:
        """Return the true pixels of each class, (n,) int64."""
        return self.matrix.sum(axis=1)

    @property
    def pixel_share(self) -> np.ndarray:
        """Return each class's share of all counted pixels, (n,) float; NaN without pixels."""
        total = self.matrix.sum()
        return self.support / total if total else np.full(self.n_classes, np.nan)

    @property
    def iou(self) -> np.ndarray:
        """Return the IoU of each class, (n,) float; NaN for classes absent from the truth."""
        return self._where_true(self._hits, self._true_plus_predicted - self._hits)

    @property
    def dice(self) -> np.ndarray:
        """Return the Dice of each class, (n,) float; NaN for classes absent from the truth."""
        return self._where_true(2 * self._hits, self._true_plus_predicted)

    @property
    def classes_present(self) -> int:
        """Return how many classes occur in the truth."""
        return int(np.count_nonzero(self.support))

    @property
    def miou(self) -> float:
        """Return the mean IoU over the classes that occur in the truth; NaN without any."""
        return float(np.nanmean(self.iou)) if self.classes_present else float('nan')

    @property
    def pixel_accuracy(self) -> float:
        """Return the share of counted pixels that are right; NaN without pixels."""
        total = self.matrix.sum()
        return float(self._hits.sum() / total) if total else float('nan')

    @property
    def picture_dice(self) -> float:
        """
        Return the LPCV referee's score of one picture (the matrix must hold just that one).

        Dice = 2 * diagonal / (row + column); a class absent from truth and prediction is left
        out, one that is predicted but absent, or missed, counts 0. NaN when none is left.
        """
        total = self._true_plus_predicted
        occurs = total > 0
        if not occurs.any():
            return float('nan')
        return float((2 * self._hits[occurs] / total[occurs]).mean())

    @property
    def _hits(self) -> np.ndarray:
        return np.diagonal(self.matrix)

    @property
    def _true_plus_predicted(self) -> np.ndarray:
        return self.support + self.matrix[:, :self.n_classes].sum(axis=0)

    def _where_true(self, numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
        scores = np.full(self.n_classes, np.nan)
        present = self.support > 0
        scores[present] = numerator[present] / denominator[present]
        return scores


class LpcvDice:
    """
    The LPCV 2023 referee's mean Dice: a score per picture, then the plain mean over pictures.

    Pictures without any counted pixel are left out.
    """

    def __init__(self, n_classes: int) -> None:
        """Start without pictures."""
        self.n_classes = n_classes
        self.scores: List[float] = []

    def update(self, truth: np.ndarray, prediction: np.ndarray) -> LpcvDice:
        """Add one picture; both are uint8 arrays of one shape."""
        score = ConfusionMatrix(self.n_classes).update(truth, prediction).picture_dice
        if not np.isnan(score):
            self.scores.append(score)
        return self

    @property
    def mean(self) -> float:
        """Return the mean over the pictures, NaN without any."""
        return float(np.mean(self.scores)) if self.scores else float('nan')


def defined(value: float) -> Optional[float]:
    """Return ``value`` as a plain float, or None for NaN, which JSON does not know."""
    return None if np.isnan(value) else float(value)


def per_class_table(confusion: ConfusionMatrix, names: Sequence[str]) -> Dict[str, dict]:
    """
    Return name -> {iou, dice, support, share}, plain Python numbers, None where undefined.

    ``support`` counts true pixels and ``share`` is their part of all counted pixels.
    """
    return {
        name: {'iou': defined(iou), 'dice': defined(dice), 'support': int(support),
               'share': defined(share)}
        for name, iou, dice, support, share in zip(
            names, confusion.iou, confusion.dice, confusion.support, confusion.pixel_share)}
