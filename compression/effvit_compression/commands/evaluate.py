"""Score a bundle on a folder of pictures with labels."""
from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from rich.console import Console
from rich.table import Table

from effvit_compression.evaluation import evaluate_bundle, pair_by_stem, read_pairs, Scores
from effvit_compression.reporting.sizes import found_by_size, Thing, things
from effvit_ros.core.alerts import alert_classes
from effvit_ros.core.bundle import Bundle, CPU_RUNTIMES, load_bundle, resolve_model
from effvit_ros.core.errors import UserError
from effvit_ros.core.mistakes import told
from effvit_ros.core.segmenter import NO_SCORES, Segmenter
from effvit_ros.core.whole_file import write_text
from effvit_ros.report.progress import steps


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('--bundle', required=True, metavar='DIR',
                        help='Take this bundle: a folder, or a shipped one\'s name.')
    parser.add_argument('--images', required=True, type=Path, metavar='DIR',
                        help='Take the pictures of this folder.')
    parser.add_argument('--labels', required=True, type=Path, metavar='DIR',
                        help='Take truth from 8-bit index PNGs of the same file stems.')
    parser.add_argument('--ignore', type=int, default=255,
                        help='Count pixels of this label id nowhere (default: 255).')
    parser.add_argument('--runtime', default='auto',
                        help='Execute the graph in this runtime (default: %(default)s).')
    parser.add_argument('--precision', choices=('auto', 'fp32', 'int8'), default='auto',
                        help='Let CPU runtimes take this precision (default: as the bundle says).')
    parser.add_argument('--threads', type=int, default=0,
                        help='Use so many CPU threads (default: 0, the runtime decides).')
    parser.add_argument('--only', default='', metavar='NAME[,NAME]',
                        help='Reduce truth and prediction to these classes against the rest.')
    parser.add_argument('--sizes', default='', metavar='NAME[,NAME]',
                        help='Tell from which size on things of these classes are found.')
    parser.add_argument('--min-confidence', type=float, default=0.0, metavar='SHARE',
                        help='Leave less probable pixels unlabelled, which counts as wrong '
                             '(default: 0).')
    parser.add_argument('--json', type=Path, metavar='OUT',
                        help='Also write the result as JSON.')


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, print a table, write JSON."""
    pairs = pair_by_stem(arguments.images, arguments.labels)
    only = [name.strip() for name in arguments.only.split(',')] if arguments.only else []
    bundle = load_bundle(resolve_model(arguments.bundle))
    if not 0 <= arguments.min_confidence <= 1:
        raise UserError(f'--min-confidence {arguments.min_confidence}: give 0 to 1')
    if arguments.min_confidence and not bundle.gives_scores:
        raise UserError(f'--min-confidence: {NO_SCORES}')
    if arguments.precision != 'auto':
        for runtime in CPU_RUNTIMES:
            bundle = bundle.preferring(runtime, arguments.precision)
    with steps('evaluate', len(pairs)) as advance:
        samples = read_pairs(pairs, len(bundle.names), arguments.ignore)
        scores = evaluate_bundle(bundle, samples, arguments.runtime, arguments.threads, only,
                                 advance, arguments.min_confidence)
    show(scores)
    report = scores.as_dict()
    if arguments.sizes:
        report['found_by_size'] = sizes(bundle, arguments, pairs)
    if arguments.json:
        write_text(arguments.json, json.dumps(report, indent=2) + '\n')
    return 0


def sizes(bundle: Bundle, arguments: argparse.Namespace,
          pairs: Sequence[Tuple[Path, Path]]) -> dict:
    """Print, for each wanted class, how many of its things are found; return that."""
    wanted = [name.strip() for name in arguments.sizes.split(',')]
    for name in wanted:
        if name not in bundle.names:
            raise UserError(f'--sizes {name}: no such class; the bundle has '
                            f'{", ".join(bundle.names)}')
    listed: Dict[str, List[Thing]] = {name: [] for name in wanted}
    with Segmenter(bundle, arguments.runtime, arguments.threads) as segmenter, \
            steps('sizes', len(pairs)) as advance:
        for image, truth in read_pairs(pairs, len(bundle.names), arguments.ignore):
            labels = segmenter.segment(image, 'rgb').labels
            for name in wanted:
                listed[name] += things(truth, labels, bundle.names.index(name), bundle.width)
            advance()
    found = {name: found_by_size(some) for name, some in listed.items()}
    table = Table('class', 'side in the input, pixels', 'things', 'found',
                  title='Things found (half of their pixels), by size')
    for name, groups in found.items():
        for group, (count, share) in groups.items():
            table.add_row(name, group, str(count), f'{share:.0%}')
    Console().print(table)
    return {name: {group: {'things': count, 'found': share}
                   for group, (count, share) in groups.items()} for name, groups in found.items()}


def show(scores: Scores) -> None:
    """Print the scores; classes that do not occur are left out."""
    report = scores.as_dict()
    table = Table('class', 'IoU', 'Dice', 'share of pixels', 'support',
                  title=f'{scores.bundle} on {scores.n_images} pictures ({scores.runtime})')
    for name, row in report['per_class'].items():
        if row['support']:
            table.add_row(name, f'{row["iou"]:.3f}', f'{row["dice"]:.3f}',
                          f'{row["share"]:.2%}', f'{row["support"]:,}')
    Console().print(table)
    dice = report['mdice_lpcv']
    print(f'mIoU {scores.confusion.miou:.4f} over {report["classes_present"]} classes present, '
          + ('no LPCV mean Dice (other classes)' if dice is None else f'LPCV mean Dice {dice:.4f}')
          + f', latency {report["latency_ms"]:.1f} ms median')
    print(told(report, alert_classes()))
    if scores.reliability is not None:
        print(f'expected calibration error {scores.reliability.expected_error:.4f}')
