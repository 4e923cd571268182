"""
The report of one bag or of many: made from the record on disk, written as JSON.

All that depends on time and chance (durations, dates, latencies) is under the keys of
:data:`VARYING_KEYS`; everything else is the same in every run on the same machine.
"""
from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple, TYPE_CHECKING, Union

import numpy as np

from effvit_ros.bags.problems import Problem
from effvit_ros.core.classes import are_lpcv
from effvit_ros.core.errors import UserError
from effvit_ros.core.metrics import ConfusionMatrix, defined, per_class_table
from effvit_ros.core.mistakes import mistakes
from effvit_ros.core.percentiles import percentiles
from effvit_ros.core.reliability import Reliability
from effvit_ros.core.whole_file import write_json
from effvit_ros.evaluation.estimate import estimated_scores
from effvit_ros.evaluation.records import (
    FRAMES,
    FrameTable,
    MODEL_STEPS,
    read_frames,
    read_timings,
    STEPS,
    TIMINGS,
)

if TYPE_CHECKING:
    from effvit_ros.evaluation.scoring import Settings

REPORT = 'report.json'
FORMAT_VERSION = 1
#: What a comparison reads of a report, and its types.
_COMPARED: Dict[Tuple[str, ...], Union[type, Tuple[type, ...]]] = {
    ('bundle', 'name'): str, ('bundle', 'sha256'): str, ('bundle', 'classes'): list,
    ('n_scored',): int, ('n_frames',): int, ('device', 'runtime'): str, ('records',): list,
    ('latency_ms', 'p50'): (int, float), ('latency_ms', 'p95'): (int, float),
    ('stability', 'mean'): (int, float, type(None))}
#: What a report does not say.
_MISSING = object()
VARYING_KEYS = ('latency_ms', 'run')


def bag_report(folder: Union[str, Path], bundle: Dict[str, Any], bag: Dict[str, Any],
               device: Dict[str, Any], settings: Settings, problems: Iterable[Problem],
               run: Dict[str, Any]) -> Dict[str, Any]:
    """
    Return the report of one evaluated bag.

    :param folder: with frames.jsonl and timings.csv.
    :param bundle: see :func:`effvit_ros.evaluation.identity.bundle_identity`; likewise ``bag`` and
        ``device``.
    :param settings: the :class:`~effvit_ros.evaluation.scoring.Settings` used.
    :param run: what varies: dates and durations, kept under ``run``.
    """
    table = read_frames(Path(folder) / FRAMES, len(bundle['classes']))
    report = _scores(table, bundle['classes'])
    report.update(
        bag=bag, bundle=bundle, device=device, settings=asdict(settings),
        problems=[p._asdict() for p in problems], records=['.'],
        latency_ms=latencies(read_timings(Path(folder) / TIMINGS)), run=run)
    return _in_order(report)


def pooled_report(out: Union[str, Path], entries: Sequence[Tuple[str, Dict[str, Any]]],
                  run: Dict[str, Any]) -> Dict[str, Any]:
    """
    Return one report over several bags of one bundle.

    :param out: the folder that the report will lie in.
    :param entries: (subfolder of ``out``, that bag's report) of each bag that was evaluated.
    """
    first = entries[0][1]
    classes = first['bundle']['classes']
    tables = [read_frames(Path(out) / sub / FRAMES, len(classes)) for sub, _ in entries]
    timings = [read_timings(Path(out) / sub / TIMINGS) for sub, _ in entries]
    report = _scores(_concatenated(tables), classes)
    report.update(
        bags=[_bag_row(sub, part) for sub, part in entries],
        bundle=first['bundle'], device=first['device'], settings=first['settings'],
        problems=[problem for _, part in entries for problem in part['problems']],
        records=[sub for sub, _ in entries],
        latency_ms=latencies({step: np.concatenate([t[step] for t in timings])
                              for step in STEPS}),
        run=run)
    return _in_order(report)


def latencies(timings: Mapping[str, np.ndarray]) -> Dict[str, Any]:
    """
    Return percentiles in milliseconds: of the model (prepare, infer, restore), of each step.

    ``waiting`` is the time that the model stood still for want of a picture, ``fetching`` that
    of reading and decoding in their own thread, both as shares of the model's time.
    """
    model = np.sum([timings[step] for step in MODEL_STEPS], axis=0)
    result = distribution(model)
    result['steps'] = {step: distribution(timings[step]) for step in STEPS}
    result['waiting'] = float(timings['wait'].sum() / model.sum())
    result['fetching'] = float((timings['read'] + timings['decode']).sum() / model.sum())
    return result


def distribution(values: np.ndarray) -> Dict[str, Any]:
    """Return mean, p50, p95, p99 and max of an array as plain numbers; None without any."""
    p50, p95, p99 = percentiles(values, (50, 95, 99))
    mean, highest = (float(values.mean()), float(values.max())) if values.size else (None, None)
    return {'mean': mean, 'p50': p50, 'p95': p95, 'p99': p99, 'max': highest}


def write_report(report: Dict[str, Any], folder: Union[str, Path]) -> None:
    """Write report.json into the folder, whole or not at all."""
    write_json(Path(folder) / REPORT, report, indent=1)


def load_report(path: Union[str, Path]) -> Tuple[Dict[str, Any], Path]:
    """
    Return the report in a file, or in a folder's report.json, with its folder.

    :raises UserError: it is missing or none of ours.
    """
    path = Path(path)
    file = path / REPORT if path.is_dir() else path
    try:
        report = json.loads(file.read_text(encoding='utf-8-sig'))
    except OSError as error:
        raise UserError(f'{file}: {error.strerror}') from None
    except ValueError as error:
        raise UserError(f'{file}: not JSON: {error}') from None
    if not isinstance(report, dict) or report.get('format_version') != FORMAT_VERSION or (
            report.get('made_by') != 'evaluate_bag'):
        raise UserError(f'{file}: not a report of evaluate_bag (format {FORMAT_VERSION})')
    return report, file.parent


def require_comparable(report: Dict[str, Any], path: Union[str, Path]) -> None:
    """
    Check that a report holds what a comparison reads.

    :raises UserError: a key is missing or holds something else, named with the file.
    """
    for keys, kinds in _COMPARED.items():
        value: Any = report
        for key in keys:
            value = value.get(key, _MISSING) if isinstance(value, dict) else _MISSING
        if not isinstance(value, kinds) or isinstance(value, bool):
            what = 'missing' if value is _MISSING else f'{value!r:.40}'
            raise UserError(f"{path}: {'.'.join(keys)} is {what}: the report is damaged, "
                            'evaluate the bag again')
    bags = [report['bag']] if 'bag' in report else report.get('bags')
    whole = isinstance(bags, list) and len(bags) == len(report['records']) and all(
        isinstance(bag, dict) and isinstance(bag.get('sha256'), str)
        and isinstance(bag.get('topic'), str) for bag in bags)
    if not (whole and all(isinstance(text, str) and '\0' not in text
                          for text in report['records'] + report['bundle']['classes'])):
        raise UserError(f'{path}: its bags, records or classes are damaged: evaluate the bag '
                        'again')


def without_varying(report: Dict[str, Any]) -> Dict[str, Any]:
    """Return the part of a report that is the same in every run."""
    return {key: value for key, value in report.items() if key not in VARYING_KEYS}


def problems_of(report: Dict[str, Any]) -> List[Problem]:
    """Return the report's problems as :class:`~effvit_ros.bags.problems.Problem`."""
    return [Problem(**entry) for entry in report['problems']]


def _scores(table: FrameTable, names: Sequence[str]) -> Dict[str, Any]:
    confusion = ConfusionMatrix(len(names))
    confusion.matrix += table.confusion
    dice = table.dice[~np.isnan(table.dice)]
    flips = table.flips[~np.isnan(table.flips)]
    distances = table.distance[~np.isnan(table.distance)]
    distance = float(distances.mean()) if distances.size else None
    return {
        'estimate': estimated_scores(table.expected, names, distance),
        'view_distance': None if distance is None else round(distance, 4),
        'made_by': 'evaluate_bag', 'format_version': FORMAT_VERSION, 'mode': 'offline',
        'miou': defined(confusion.miou),
        'mdice_lpcv': float(dice.mean()) if dice.size and are_lpcv(names) else None,
        'pixel_accuracy': defined(confusion.pixel_accuracy),
        'classes_present': confusion.classes_present,
        'n_frames': int(table.indices.size),
        'n_scored': int(table.scored.sum()),
        'per_class': per_class_table(confusion, names) if table.scored.any() else None,
        'confusion': confusion.matrix.tolist() if table.scored.any() else None,
        **(mistakes(confusion.matrix, names) if table.scored.any() else
           {'false_alarms': None, 'costliest_pair': None}),
        'class_areas': {name: float(share)
                        for name, share in zip(names, table.areas.mean(axis=0))},
        'stability': {'pairs': int(flips.size), **distribution(flips)},
        'confidence': (Reliability(table.confidence).as_dict() if table.confidence.any()
                       else None),
    }


def _concatenated(tables: Sequence[FrameTable]) -> FrameTable:
    return type(tables[0])(*(
        sum(parts) if name in ('confusion', 'confidence') else np.concatenate(parts)
        for name, parts in zip(tables[0]._fields, zip(*tables))))


def _bag_row(sub: str, report: Dict[str, Any]) -> Dict[str, Any]:
    keys = ('miou', 'mdice_lpcv', 'n_frames', 'n_scored')
    return {'folder': sub, **{key: report[key] for key in keys},
            'flips': report['stability']['mean'], 'problems': len(report['problems']),
            **report['bag']}


def _in_order(report: Dict[str, Any]) -> Dict[str, Any]:
    """Return the report with what varies at its end."""
    return {**without_varying(report), **{key: report[key] for key in VARYING_KEYS}}
