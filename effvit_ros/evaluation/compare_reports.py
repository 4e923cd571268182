"""The command ``compare_reports``: two reports side by side, and a gate for CI."""
from __future__ import annotations

import argparse
import json
import math
import sys
from typing import Any, Dict, Optional, Sequence, Tuple, TYPE_CHECKING

from effvit_ros.core import cli
from effvit_ros.core.classes import are_lpcv
from effvit_ros.core.errors import reports_user_errors
from effvit_ros.core.metrics import defined
from effvit_ros.core.whole_file import write_text

if TYPE_CHECKING:
    from effvit_ros.evaluation.bootstrap import Interval
    from effvit_ros.evaluation.comparison import Comparison

_EPILOG = ('Exit codes: 0 B is no worse than allowed (or no gate was set); 1 it is; 2 the '
           'reports cannot be compared.')


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """Compare two reports, print the tables and return the exit code."""
    options = _parse(args)
    from effvit_ros.evaluation.comparison import compare
    comparison = compare(options.a, options.b, options.resamples, options.block,
                         options.confidence)
    print(comparison_text(comparison, options.confidence))
    for warning in comparison.warnings:
        print(f'warning: {warning}', file=sys.stderr)
    verdict = gate(comparison, options.metric, options.fail_if_worse)
    if options.out:
        write_text(options.out, json.dumps(comparison_dict(comparison, options), indent=1) + '\n')
    if verdict is None:
        return 0
    print(verdict[1])
    return 1 if verdict[0] else 0


def gate(comparison: Comparison, metric: str,
         allowed: Optional[float]) -> Optional[Tuple[bool, str]]:
    """
    Return (whether B fails, one line that says why), or None without a gate.

    B fails when its score is below A's by more than ``allowed``. The score itself decides, not
    its interval: the same two reports give the same verdict whatever was drawn.
    """
    if allowed is None:
        return None
    difference = getattr(comparison, metric).difference
    fails = difference < -allowed
    return fails, (f"gate: {metric} B - A = {difference:+.4f}, allowed is -{allowed:g}: "
                   + ('FAILED' if fails else 'passed'))


def comparison_text(comparison: Comparison, confidence: float) -> str:
    """Return the tables as text."""
    a, b = comparison.report_a, comparison.report_b
    width = max(len(name) for name in comparison.per_class)
    lines = [f"A: {_who(a)}", f"B: {_who(b)}",
             f'{comparison.n_paired} frames scored in both; intervals of {confidence:.0%} by '
             'paired bootstrap over frames', '',
             f"{'':{width}}       A       B   B - A   interval"]
    for name, score_a, score_b, interval in (
            ('mIoU', comparison.miou_a, comparison.miou_b, comparison.miou),
            ('LPCV mean Dice' if are_lpcv(a['bundle']['classes']) else 'mean Dice',
             comparison.mdice_a, comparison.mdice_b, comparison.mdice)):
        lines.append(_line(name, width, score_a, score_b, interval))
    lines += ['', 'IoU of each class that the truth holds']
    lines += [_line(name, width, *row) for name, row in comparison.per_class.items() if row]
    lines += ['', f"{'':{width}}       A       B"]
    for name, key in (('model p50, ms', 'p50'), ('model p95, ms', 'p95')):
        lines.append(f"{name:{width}}  {a['latency_ms'][key]:6.1f}  {b['latency_ms'][key]:6.1f}")
    flips = [report['stability']['mean'] for report in (a, b)]
    if None not in flips:
        lines.append(f"{'flips':{width}}  {flips[0]:6.1%}  {flips[1]:6.1%}")
    return '\n'.join(lines)


def comparison_dict(comparison: Comparison, options: argparse.Namespace) -> Dict[str, Any]:
    """Return the comparison for JSON; None where nothing can be said."""
    def plain(interval: Interval) -> Dict[str, Optional[float]]:
        return {key: defined(value) for key, value in interval._asdict().items()}
    return {
        'made_by': 'compare_reports',
        'a': comparison.report_a['bundle'], 'b': comparison.report_b['bundle'],
        'n_paired': comparison.n_paired,
        'resamples': options.resamples, 'block': options.block,
        'confidence': options.confidence,
        'miou': {'a': comparison.miou_a, 'b': comparison.miou_b, **plain(comparison.miou)},
        'mdice_lpcv': {'a': comparison.mdice_a, 'b': comparison.mdice_b,
                       **plain(comparison.mdice)}
        if are_lpcv(comparison.report_a['bundle']['classes']) else None,
        'per_class': {name: row and {'a': row[0], 'b': row[1], **plain(row[2])}
                      for name, row in comparison.per_class.items()},
        'latency_ms': {'a': comparison.report_a['latency_ms']['p50'],
                       'b': comparison.report_b['latency_ms']['p50']},
        'warnings': comparison.warnings,
    }


def _who(report: Dict[str, Any]) -> str:
    bundle = report['bundle']
    return (f"{bundle['name']} ({bundle['sha256'][:12]}), {report['n_frames']} frames, "
            f"{report['device']['runtime']}")


def _line(name: str, width: int, score_a: float, score_b: float, interval: Interval) -> str:
    span = '' if math.isnan(interval.low) else f'{interval.low:+.4f} .. {interval.high:+.4f}'
    sure = '' if not span or interval.low <= 0 <= interval.high else '  *'
    return (f'{name:{width}}  {score_a:6.4f}  {score_b:6.4f}  {interval.difference:+.4f}  '
            f'{span}{sure}')


def _parse(args: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='compare_reports', epilog=_EPILOG,
        description='Compare two reports of evaluate_bag on the frames that both scored: two '
        'bundles, or two runs. A star marks differences whose interval leaves out zero.')
    parser.add_argument('a', metavar='A',
                        help='Compare from this, the old report: report.json, or the folder with '
                             'it.')
    parser.add_argument('b', metavar='B',
                        help='Compare to this, the new report, as a file or folder, too.')
    parser.add_argument('--fail-if-worse', type=_amount, metavar='AMOUNT',
                        help='Exit 1 when the score of B is more than this below that of A.')
    parser.add_argument('--metric', choices=('miou', 'mdice'), default='miou',
                        help='Let --fail-if-worse look at this score (default: %(default)s).')
    parser.add_argument('--resamples', type=cli.count_from_one, default=2000,
                        help='Draw so many resamples for the bootstrap (default: %(default)s).')
    parser.add_argument('--block', type=cli.count_from_one, default=1, metavar='FRAMES',
                        help='Draw so many neighbouring frames together: about a second of a '
                        'flight, whose frames resemble each other (default: %(default)s).')
    parser.add_argument('--confidence', type=_share, default=0.95,
                        help='Give intervals of this confidence, 0 to 1 (default: %(default)s).')
    parser.add_argument('--out', metavar='FILE', help='Also write the comparison as JSON.')
    return parser.parse_args(args)


def _amount(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'{text}: give 0 to 1')
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f'{text}: give a number between 0 and 1')
    return value


if __name__ == '__main__':
    sys.exit(main())
