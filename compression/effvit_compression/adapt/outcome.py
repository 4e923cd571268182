"""Before and after on the held-out pictures: scores, intervals, classes that gained and lost."""
from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Sequence

import numpy as np

from effvit_compression.adapt.labelled import Sample
from effvit_ros.core.bundle import Bundle
from effvit_ros.core.metrics import ConfusionMatrix, defined
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.evaluation.bootstrap import Counts, Interval, paired_intervals


class Scored(NamedTuple):
    """A bundle on some pictures: all of them together, and each alone."""

    confusion: ConfusionMatrix
    counts: Counts
    dice: np.ndarray


class Outcome(NamedTuple):
    """``gain``: of the mIoU; ``by_class``: of each IoU, NaN for classes that do not occur."""

    before: Scored
    after: Scored
    gain: Interval
    by_class: Sequence[Interval]

    @property
    def verdict(self) -> str:
        """One sentence: better, no better, or not to be told."""
        if np.isnan(self.gain.difference):
            return 'NOT JUDGED: the held-out part has no labelled pixel'
        if self.gain.difference <= 0:
            return ('NO BETTER than before on the held-out part: the bundle stays as it was; '
                    'label more pictures, or check that the labels are right')
        if not self.gain.low > 0:
            return ('better on the held-out part, but so few pictures cannot show it for certain '
                    '(the interval holds 0): label more, or look at it in flight')
        return 'better than before'


def score(bundle: Bundle, samples: Sequence[Sample],
          advance: Callable[[], None] = lambda: None) -> Scored:
    """Label the pictures as the drone does, at their own size."""
    n_classes = len(bundle.names)
    whole, each = ConfusionMatrix(n_classes), []
    with Segmenter(bundle) as segmenter:
        for sample in samples:
            image, truth = sample.read()
            one = ConfusionMatrix(n_classes).update(truth, segmenter.segment(image, 'rgb').labels)
            whole.matrix += one.matrix
            each.append(one)
            advance()
    counts = Counts(*(np.array(rows, float) for rows in zip(*(
        (np.diagonal(one.matrix), one.support, one.matrix[:, :n_classes].sum(axis=0))
        for one in each))))
    return Scored(whole, counts, np.array([one.picture_dice for one in each]))


def outcome(before: Scored, after: Scored) -> Outcome:
    """Compare, with paired bootstrap intervals over the pictures."""
    gain, _, by_class = paired_intervals(
        before.counts, after.counts, before.dice, after.dice)
    return Outcome(before, after, gain, by_class)


def as_report(found: Outcome, names: Sequence[str]) -> Dict[str, object]:
    """Plain numbers for JSON; None where a score is undefined."""
    return {
        'miou_before': defined(found.before.confusion.miou),
        'miou_after': defined(found.after.confusion.miou),
        'gain': defined(found.gain.difference),
        'ci': [defined(found.gain.low), defined(found.gain.high)],
        'verdict': found.verdict,
        'per_class': {row['class']: row for row in class_rows(found, names)},
    }


def class_rows(found: Outcome, names: Sequence[str]) -> List[dict]:
    """One row for each class that occurs in the held-out part, the largest gain first."""
    rows = []
    for index, name in enumerate(names):
        before, after = found.before.confusion.iou[index], found.after.confusion.iou[index]
        if not np.isnan(before):
            gain = found.by_class[index]
            rows.append({'class': name, 'IoU before': float(before), 'IoU after': float(after),
                         'gain': float(gain.difference), 'low': defined(gain.low),
                         'high': defined(gain.high)})
    return sorted(rows, key=lambda row: -row['gain'])
