"""
Paired bootstrap over frames: how sure is the difference between two evaluations.

Efron & Tibshirani, An Introduction to the Bootstrap (1993), percentile intervals. Both sides
are scored on the same resampled frames. Frames of a flight resemble their neighbours, so blocks
of neighbouring frames can be drawn instead of single ones (the circular block bootstrap of
Politis & Romano, 1992); otherwise intervals come out too narrow.
"""
from __future__ import annotations

from typing import Iterator, List, NamedTuple, Tuple

import numpy as np

#: Resamples worked on at a time: bounds memory at this many times the number of frames.
_BATCH = 64


class Interval(NamedTuple):
    """A difference B - A with the interval that holds it with the given confidence."""

    difference: float
    low: float
    high: float


class Counts(NamedTuple):
    """Per frame, (F, n) float: pixels that are right, true, predicted."""

    hits: np.ndarray
    support: np.ndarray
    predicted: np.ndarray

    def iou(self, weights: np.ndarray) -> np.ndarray:
        """
        Return IoU for each resample, (B, n); NaN for classes without truth in it.

        :param weights: (B, F), how often each frame was drawn.
        """
        hits, support, predicted = (weights @ counts for counts in self)
        scores = np.full(hits.shape, np.nan)
        union = support + predicted - hits
        np.divide(hits, union, out=scores, where=support > 0)
        return scores


def resample_weights(n_frames: int, n_resamples: int, block: int,
                     seed: int) -> Iterator[np.ndarray]:
    """
    Yield (B, F) float arrays, ``n_resamples`` rows in all: how often each frame was drawn.

    :param block: how many neighbouring frames are drawn together.
    """
    generator = np.random.default_rng(seed)
    n_blocks = -(-n_frames // block)
    offsets = np.arange(block)
    for start in range(0, n_resamples, _BATCH):
        rows = min(_BATCH, n_resamples - start)
        weights = np.zeros((rows, n_frames))
        firsts = generator.integers(0, n_frames, (rows, n_blocks))
        drawn = (firsts[:, :, None] + offsets).reshape(rows, -1)[:, :n_frames] % n_frames
        for row, frames in enumerate(drawn):
            weights[row] = np.bincount(frames, minlength=n_frames)
        yield weights


def paired_intervals(counts_a: Counts, counts_b: Counts, dice_a: np.ndarray, dice_b: np.ndarray,
                     n_resamples: int = 2000, block: int = 1, confidence: float = 0.95,
                     seed: int = 0) -> Tuple[Interval, Interval, List[Interval]]:
    """
    Return the intervals of B - A: of the mIoU, of the mean Dice and of each class's IoU.

    :param counts_a: :class:`Counts` of the frames that both sides scored; likewise counts_b.
    :param dice_a: (F,) each frame's own Dice, NaN where it has none; likewise dice_b.
    :returns: (Interval, Interval, list of n Interval); NaN where nothing can be said.
    """
    n_frames = len(dice_a)
    defined = ~(np.isnan(dice_a) | np.isnan(dice_b))
    gain = np.where(defined, dice_b - dice_a, 0.0)
    mious: List[np.ndarray] = []
    dices: List[np.ndarray] = []
    classes: List[np.ndarray] = []
    for weights in resample_weights(n_frames, n_resamples, block, seed):
        iou_a, iou_b = counts_a.iou(weights), counts_b.iou(weights)
        classes.append(iou_b - iou_a)
        mious.append(_row_means(iou_b) - _row_means(iou_a))
        drawn = weights @ defined
        dices.append(np.divide(weights @ gain, drawn, out=np.full(len(drawn), np.nan),
                               where=drawn > 0))
    once = np.ones((1, n_frames))
    iou_a, iou_b = counts_a.iou(once), counts_b.iou(once)
    tail = (1 - confidence) / 2
    per_class = np.concatenate(classes)
    return (
        _interval((_row_means(iou_b) - _row_means(iou_a))[0], np.concatenate(mious), tail),
        _interval(gain.sum() / defined.sum() if defined.any() else np.nan,
                  np.concatenate(dices), tail),
        [_interval(iou_b[0, c] - iou_a[0, c], per_class[:, c], tail)
         for c in range(per_class.shape[1])])


def _row_means(scores: np.ndarray) -> np.ndarray:
    present = ~np.isnan(scores)
    counts = present.sum(axis=1)
    return np.divide(np.where(present, scores, 0).sum(axis=1), counts,
                     out=np.full(len(counts), np.nan), where=counts > 0)


def _interval(difference: float, samples: np.ndarray, tail: float) -> Interval:
    samples = samples[~np.isnan(samples)]
    if not samples.size or np.isnan(difference):
        return Interval(float(difference), float('nan'), float('nan'))
    low, high = np.quantile(samples, (tail, 1 - tail)).tolist()
    return Interval(float(difference), low, high)
