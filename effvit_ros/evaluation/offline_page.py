"""The page of an offline evaluation: scores, times, plots, worst frames, identity."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple, Union

import numpy as np

from effvit_ros.core.mistakes import told
from effvit_ros.evaluation import plots
from effvit_ros.evaluation.records import FRAMES, MODEL_STEPS, read_frames, read_timings, TIMINGS
from effvit_ros.report.contact_sheet import CONTACT_SHEET
from effvit_ros.report.page import Figure, Item, milliseconds, Page, percent, score, Table

_PERCENTILES = ('mean', 'p50', 'p95', 'p99', 'max')


def offline_page(report: Dict[str, Any], folder: Union[str, Path]) -> Page:
    """
    Return the :class:`~effvit_ros.report.page.Page` of a report over one bag or several.

    :param folder: where the report's records and contact sheet lie.
    """
    folder = Path(folder)
    items = problem_tables(report)
    if 'bags' in report:
        items.append(_bags(report))
    items.append(_classes(report))
    if report['classes_present']:
        items.append(Figure(
            'Confusion', plots.confusion_plot(report['confusion'], report['bundle']['classes']),
            note='Each row tells where the pixels of a true class went.'))
    items += _confidence(report)
    if 'bag' in report:
        items += _courses(report, folder)
        items += _contact_sheet(folder)
    items += [_latencies(report),
              Figure("Histogram of the model's time", plots.histogram(
                  _model_ms(report, folder), 'model, ms a frame')),
              _identity(report)]
    what = report['bag']['name'] if 'bag' in report else f"{len(report['bags'])} bags"
    return Page(f"{report['bundle']['name']} on {what}", _headline(report), items)


def problem_tables(report: Dict[str, Any]) -> List[Item]:
    """Return a list with the table of problems, empty without any."""
    rows = [(p['kind'], p['text'], str(p['count'])) for p in report['problems']]
    rows += [('left out', entry['problem'], '1') for entry in report.get('not_evaluated', ())]
    return [Table('Problems', ('kind', 'what', 'times'), rows, (2,), warns=True)] if rows else []


def identity_rows(report: Dict[str, Any]) -> List[Tuple[str, str]]:
    """Return (what, value) rows that any report has: bundle, bag, device, versions."""
    bundle, device = report['bundle'], report['device']
    rows = [('bundle', f"{bundle['name']}, sha256 {bundle['sha256']}"),
            ('input', '{}x{}'.format(*bundle['input']))]
    if bundle['terms']:
        rows.append(('terms', bundle['terms']))
    for bag in [report['bag']] if 'bag' in report else report['bags']:
        rows.append(('bag', f"{bag['name']}, {len(bag['files'])} file(s), {bag['bytes']:,} "
                            f"bytes, sha256 {bag['sha256']}, {bag['topic']} ({bag['type']})"))
        if bag['masks']:
            rows.append(('truth', f"{bag['masks']} masks, sha256 {bag['masks_sha256']}"))
        elif bag['truth_topic']:
            rows.append(('truth', bag['truth_topic']))
    return rows + [
        ('runtime', device['runtime']),
        ('device', f"{device['processor']}, {device['cores']} cores, {device['system']}"),
        ('versions', ', '.join(f'{k} {v}' for k, v in device['versions'].items())),
        ('settings', ', '.join(f'{k}={v}' for k, v in report['settings'].items()
                               if k != 'bundle' and v != '')),
        ('began', report['run']['began'])]


def _headline(report: Dict[str, Any]) -> List[Tuple[str, str]]:
    pairs = [('frames', str(report['n_frames'])), ('with truth', str(report['n_scored']))]
    if report['miou'] is not None:
        pairs += [('mIoU', f"{report['miou']:.4f}"),
                  ('LPCV mean Dice', 'none: other classes' if report['mdice_lpcv'] is None
                   else f"{report['mdice_lpcv']:.4f}"),
                  ('pixel accuracy', f"{report['pixel_accuracy']:.4f}")]
    estimate = report.get('estimate')
    if estimate:
        pairs.append(('estimated mIoU (no truth needed)', f"{estimate['miou']:.3f} "
                      f"({estimate['low']:.3f} to {estimate['high']:.3f})"))
    if report['stability']['mean'] is not None:
        pairs.append(('flips between frames', f"{report['stability']['mean']:.2%}"))
    confidence = report.get('confidence') or {}
    if confidence.get('accuracy'):
        pairs.append(('expected calibration error',
                      f"{confidence['expected_calibration_error']:.4f}"))
    return pairs + [('model, median', f"{report['latency_ms']['p50']:.1f} ms")]


def _bags(report: Dict[str, Any]) -> Table:
    rows = [(bag['name'], str(bag['n_frames']), str(bag['n_scored']), score(bag['miou']),
             score(bag['mdice_lpcv']), percent(bag['flips']), str(bag['problems']))
            for bag in report['bags']]
    return Table('Bags', ('bag', 'frames', 'with truth', 'mIoU', 'mean Dice', 'flips', 'problems'),
                 rows, (1, 2, 3, 4, 5, 6),
                 links={bag['name']: f"{bag['folder']}/report.html" for bag in report['bags']})


def _classes(report: Dict[str, Any]) -> Table:
    areas, bundle = report['class_areas'], report['bundle']
    swatches = dict(zip(bundle['classes'], map(plots.shown_color, bundle['palette'])))
    if report['per_class'] is None:
        seen = [(name, percent(share)) for name, share in areas.items()]
        return Table('Classes', ('class', 'predicted area'), seen, (1,),
                     'No truth: areas are what the model sees.', swatches)
    rows = [(name, score(row['iou']), score(row['dice']), percent(row['share']),
             f"{row['support']:,}", percent(areas[name]),
             percent(report['false_alarms'].get(name)))
            for name, row in report['per_class'].items()]
    return Table(
        'Classes', ('class', 'IoU', 'Dice', 'pixel share', 'support (pixels)', 'predicted area',
                    'false alarms'),
        rows, (1, 2, 3, 4, 5, 6),
        'IoU and Dice are pooled over all frames with truth; "-" marks classes that the truth '
        f'does not hold. The mIoU is the mean over the {report["classes_present"]} that it does. '
        'The LPCV mean Dice is the referee\'s: a score for each picture, then their mean. False '
        'alarms: share of the pixels of other classes; '
        f'{told(report, ())}.',
        swatches)


def _confidence(report: Dict[str, Any]) -> Iterator[Figure]:
    """Yield what the bundle's confidence is worth; nothing where it gives no scores."""
    found = report.get('confidence')
    if found is None:
        return
    note = 'Shares of all pixels by confidence.'
    if found['accuracy']:
        note += (' A calibrated model lies on the diagonal; expected calibration error '
                 f"{found['expected_calibration_error']:.4f}.")
    yield Figure('Confidence', plots.reliability_plot(found['shares'], found['accuracy']),
                 note=note)


def _latencies(report: Dict[str, Any]) -> Table:
    latency = report['latency_ms']
    rows = [('model (prepare + infer + restore)', *_times(latency))]
    rows += [(step, *_times(values)) for step, values in latency['steps'].items()]
    return Table('Time for a frame, ms', ('step',) + _PERCENTILES, rows, (1, 2, 3, 4, 5),
                 f"Reading and decoding ({latency['fetching']:.1%} of the model's time) happen in "
                 f"a thread of their own; the model waits {latency['waiting']:.1%} of its time.")


def _times(values: Mapping[str, Optional[float]]) -> Tuple[str, ...]:
    return tuple(milliseconds(values[key]) for key in _PERCENTILES)


def _identity(report: Dict[str, Any]) -> Table:
    return Table('Identity', ('what', 'value'), identity_rows(report))


def _courses(report: Dict[str, Any], folder: Path) -> Iterator[Figure]:
    names, palette = report['bundle']['classes'], report['bundle']['palette']
    table = read_frames(folder / FRAMES, len(names))
    seconds = (table.stamps_ns - table.stamps_ns[0]) * 1e-9
    steps = np.diff(seconds)
    if (steps < 0).any():
        # Stamps that jump back make no axis; the frames' order does.
        seconds = np.arange(len(seconds)) * float(np.median(np.abs(steps)))
    yield Figure('Class areas over time',
                 plots.areas_plot(seconds, table.areas, names, palette))
    if not np.isnan(table.dice).all():
        yield Figure('Score over time',
                     plots.time_series_plot(seconds, table.dice, 'mean Dice of the frame'))
    if not np.isnan(table.flips).all():
        yield Figure('Flips over time',
                     plots.time_series_plot(seconds, table.flips, 'share of flipped pixels'))


def _contact_sheet(folder: Path) -> Iterator[Figure]:
    file = folder / CONTACT_SHEET
    if file.is_file():
        yield Figure('Worst and typical frames', file.read_bytes(), 'jpeg', file=CONTACT_SHEET)


def _model_ms(report: Dict[str, Any], folder: Path) -> np.ndarray:
    parts = [read_timings(folder / sub / TIMINGS) for sub in report['records']]
    return np.concatenate([np.sum([part[step] for step in MODEL_STEPS], axis=0) for part in parts])
