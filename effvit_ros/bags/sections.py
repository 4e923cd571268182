"""A report as titled tables, the same for the Markdown and the HTML page."""
from __future__ import annotations

from typing import NamedTuple, Sequence, Tuple


class Table(NamedTuple):
    """A table under a title; ``numbers`` tells which columns are right-aligned."""

    title: str
    header: Tuple[str, ...]
    rows: Sequence[Sequence[str]]
    numbers: Tuple[int, ...] = ()
    note: str = ''


def headline(report):
    """Return the figures that matter most as (name, value) pairs."""
    latency = report['latency_ms']
    pairs = [('frames', str(report['n_frames'])), ('with truth', str(report['n_scored']))]
    if report['miou'] is not None:
        pairs += [('mIoU', f"{report['miou']:.4f}"),
                  ('LPCV mean Dice', f"{report['mdice_lpcv']:.4f}"),
                  ('pixel accuracy', f"{report['pixel_accuracy']:.4f}")]
    if report['stability']['mean'] is not None:
        pairs.append(('flips between frames', f"{report['stability']['mean']:.2%}"))
    pairs.append(('model, median', f"{latency['p50']:.1f} ms"))
    return pairs


def tables(report):
    """Return the report's :class:`Table` list in reading order."""
    found = []
    if report['problems'] or report.get('not_evaluated'):
        found.append(_problems(report))
    if 'bags' in report:
        found.append(_bags(report))
    found.append(_classes(report))
    found.append(_latencies(report))
    found.append(_identity(report))
    return found


def _problems(report):
    rows = [(p['kind'], p['text'], str(p['count'])) for p in report['problems']]
    rows += [('left out', entry['problem'], '1') for entry in report.get('not_evaluated', ())]
    return Table('Problems', ('kind', 'what', 'times'), rows, (2,))


def _bags(report):
    rows = [(bag['name'], str(bag['n_frames']), str(bag['n_scored']), score(bag['miou']),
             score(bag['mdice_lpcv']), percent(bag['flips']), str(bag['problems']))
            for bag in report['bags']]
    return Table('Bags', ('bag', 'frames', 'with truth', 'mIoU', 'mean Dice', 'flips', 'problems'),
                 rows, (1, 2, 3, 4, 5, 6))


def _classes(report):
    areas = report['class_areas']
    if report['per_class'] is None:
        rows = [(name, percent(share)) for name, share in areas.items()]
        return Table('Classes', ('class', 'predicted area'), rows, (1,),
                     'No truth: areas are what the model sees.')
    rows = [(name, score(row['iou']), score(row['dice']), percent(row['share']),
             f"{row['support']:,}", percent(areas[name]))
            for name, row in report['per_class'].items()]
    return Table(
        'Classes', ('class', 'IoU', 'Dice', 'pixel share', 'support (pixels)', 'predicted area'),
        rows, (1, 2, 3, 4, 5),
        'IoU and Dice are pooled over all frames with truth; "-" marks classes that the truth '
        f'does not hold. The mIoU is the mean over the {report["classes_present"]} that it does. '
        'The LPCV mean Dice is the referee\'s: a score for each picture, then their mean.')


def _latencies(report):
    latency = report['latency_ms']
    keys = ('mean', 'p50', 'p95', 'p99', 'max')

    def row(name, values):
        return (name,) + tuple(milliseconds(values[key]) for key in keys)
    rows = [row('model (prepare + infer + restore)', latency)]
    rows += [row(step, values) for step, values in latency['steps'].items()]
    return Table('Time for a frame, ms', ('step',) + keys, rows, (1, 2, 3, 4, 5),
                 f"Reading and decoding take {latency['overhead']:.1%} of the model's time.")


def _identity(report):
    bundle, device, settings = report['bundle'], report['device'], report['settings']
    rows = [('bundle', f"{bundle['name']}, sha256 {bundle['sha256']}"),
            ('input', '{}x{}'.format(*bundle['input']))]
    if bundle['terms']:
        rows.append(('terms', bundle['terms']))
    if 'bag' in report:
        bag = report['bag']
        rows += [('bag', f"{bag['name']}, {len(bag['files'])} file(s), {bag['bytes']:,} bytes, "
                         f"sha256 {bag['sha256']}"),
                 ('image topic', f"{bag['topic']} ({bag['type']})"),
                 ('truth', settings['truth_dir'] or bag['truth_topic'] or 'none')]
    else:
        rows += [('bag ' + bag['name'], f"sha256 {bag['sha256']}") for bag in report['bags']]
    rows += [
        ('runtime', device['runtime']),
        ('device', f"{device['processor']}, {device['cores']} cores, {device['system']}"),
        ('versions', ', '.join(f'{k} {v}' for k, v in device['versions'].items())),
        ('settings', ', '.join(f'{k}={v}' for k, v in settings.items()
                               if k not in ('bundle', 'truth_dir') and v != '')),
        ('evaluated', report['run']['began'])]
    return Table('Identity', ('what', 'value'), rows)


def score(value):
    """Return a score of 0..1 with three digits, or a dash."""
    return '-' if value is None else f'{value:.3f}'


def percent(value):
    """Return a share in percent, or a dash."""
    return '-' if value is None else f'{value:.2%}'


def milliseconds(value):
    """Return a duration with one digit, two below ten, or a dash."""
    if value is None:
        return '-'
    return f'{value:.1f}' if value >= 10 else f'{value:.2f}'
