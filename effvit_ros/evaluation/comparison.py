"""Two evaluations side by side, on the frames that both have."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.evaluation.bootstrap import Counts, Interval, paired_intervals
from effvit_ros.evaluation.records import FRAMES, read_frames
from effvit_ros.evaluation.report import load_report, require_comparable


class Comparison(NamedTuple):
    """
    What two reports say about the frames that both scored.

    Scores are of those frames alone; ``per_class`` is name -> (IoU of A, of B, Interval), None
    for a class that the truth does not hold. ``warnings`` name what makes the pairing doubtful.
    """

    report_a: Dict[str, Any]
    report_b: Dict[str, Any]
    n_paired: int
    miou_a: float
    miou_b: float
    miou: Interval
    mdice_a: float
    mdice_b: float
    mdice: Interval
    per_class: Dict[str, Optional[Tuple[float, float, Interval]]]
    warnings: List[str]


#: Of a frame: hash of the bag, topic, index.
_Key = Tuple[str, str, int]


class _Side(NamedTuple):
    """The scored frames of a report: key -> row of the arrays."""

    rows: Dict[_Key, int]
    hits: np.ndarray
    support: np.ndarray
    predicted: np.ndarray
    dice: np.ndarray


def compare(path_a: Union[str, Path], path_b: Union[str, Path], n_resamples: int = 2000,
            block: int = 1, confidence: float = 0.95) -> Comparison:
    """
    Return the :class:`Comparison` of two reports of evaluate_bag.

    :raises UserError: a report can't be read, has no truth, tells other classes apart, or the
        two have no frame in common.
    """
    (report_a, folder_a), (report_b, folder_b) = load_report(path_a), load_report(path_b)
    for path, report in ((path_a, report_a), (path_b, report_b)):
        require_comparable(report, path)
    names = report_a['bundle']['classes']
    if names != report_b['bundle']['classes']:
        raise UserError(f'{path_a} and {path_b}: the bundles tell different classes apart')
    for path, report in ((path_a, report_a), (path_b, report_b)):
        if not report['n_scored']:
            raise UserError(f'{path}: no frame with truth: there are no scores to compare')
    side_a, side_b = _side(report_a, folder_a), _side(report_b, folder_b)
    common = [key for key in side_a.rows if key in side_b.rows]
    if not common:
        raise UserError(f'{path_a} and {path_b}: no frame in common: they are of other bags '
                        'or topics')
    counts_a, dice_a = _selected(side_a, common)
    counts_b, dice_b = _selected(side_b, common)
    if not (counts_a.support.any() and counts_b.support.any()):
        raise UserError(f'{path_a} and {path_b}: the truth ignores every pixel')
    miou, mdice, classes = paired_intervals(
        counts_a, counts_b, dice_a, dice_b, n_resamples, block, confidence)
    once = np.ones((1, len(common)))
    iou_a, iou_b = counts_a.iou(once)[0], counts_b.iou(once)[0]
    per_class = {
        name: None if np.isnan(a) else (float(a), float(b), interval)
        for name, a, b, interval in zip(names, iou_a, iou_b, classes)}
    both = ~(np.isnan(dice_a) | np.isnan(dice_b))
    return Comparison(
        report_a, report_b, len(common), float(np.nanmean(iou_a)), float(np.nanmean(iou_b)),
        miou, float(dice_a[both].mean()), float(dice_b[both].mean()), mdice, per_class,
        _warnings(side_a, side_b, counts_a, counts_b, len(common)))


def _side(report: Dict[str, Any], folder: Path) -> _Side:
    bags = [report['bag']] if 'bag' in report else report['bags']
    rows: Dict[_Key, int] = {}
    tables = []
    offset = 0
    for bag, sub in zip(bags, report['records']):
        table = read_frames(folder / sub / FRAMES, len(report['bundle']['classes']))
        tables.append(table)
        for row in np.flatnonzero(table.scored):
            rows[bag['sha256'], bag['topic'], int(table.indices[row])] = offset + int(row)
        offset += len(table.indices)
    return _Side(rows, *(np.concatenate([getattr(t, name) for t in tables])
                         for name in _Side._fields[1:]))


def _selected(side: _Side, keys: Sequence[_Key]) -> Tuple[Counts, np.ndarray]:
    rows = [side.rows[key] for key in keys]
    counts = Counts(*(array[rows].astype(float)
                      for array in (side.hits, side.support, side.predicted)))
    return counts, side.dice[rows]


def _warnings(side_a: _Side, side_b: _Side, counts_a: Counts, counts_b: Counts,
              n_common: int) -> List[str]:
    found = []
    for name, side in (('A', side_a), ('B', side_b)):
        alone = len(side.rows) - n_common
        if alone:
            found.append(f'{alone} frames were scored in {name} alone: left out')
    if not np.array_equal(counts_a.support, counts_b.support):
        found.append('the truth differs between A and B: compare with care')
    return found
