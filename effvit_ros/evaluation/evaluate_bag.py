"""The command ``evaluate_bag``: parse, run, print."""
from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Optional, Sequence, TYPE_CHECKING

from effvit_ros.bags.problems import KINDS
from effvit_ros.core import cli
from effvit_ros.core.bit_depth import DEPTHS
from effvit_ros.core.bundle import load_bundle, resolve_model
from effvit_ros.core.errors import reports_user_errors, UserError
from effvit_ros.core.libraries import need, need_ros
from effvit_ros.core.missing import READING, REPORTING
from effvit_ros.core.runtimes import RUNTIMES

if TYPE_CHECKING:
    from effvit_ros.evaluation.executors import Executor

_EPILOG = ('Exit codes: 0 all is well; 1 a bag has a problem (each is told in one line on '
           'standard error), and everything else was done; 2 the command line or the bundle '
           'is wrong; 130 interrupted, finished bags are kept. Kinds of problems: '
           + ', '.join(KINDS) + '.')


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """Evaluate bags and return the exit code."""
    options = _parse(args)
    need(*READING, *REPORTING)
    from effvit_ros.bags.find_bags import find_bags
    bags = find_bags(options.bags, options.list)
    bundle = resolve_model(options.bundle).resolve()
    # Asked to end, it ends as by Ctrl-C: no process and no half result is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    load_bundle(bundle)
    if options.live:
        for name in ('truth_topic', 'truth_dir', 'tolerance', 'save_bag', 'jobs'):
            if getattr(options, name):
                raise UserError(f"--{name.replace('_', '-')} is of no use with --live, which "
                                'measures speed: evaluate offline for scores')
        need_ros()
        from effvit_ros.evaluation.live import evaluate_live
        return evaluate_live(bags, bundle, options)
    return _offline(options, bags, bundle)


def _offline(options: argparse.Namespace, bags: Sequence[Path], bundle: Path) -> int:
    from effvit_ros.bags.bag import bag_name
    from effvit_ros.evaluation.batch import plan, run_batch
    from effvit_ros.evaluation.scoring import Settings
    from effvit_ros.evaluation.summary import summary
    from effvit_ros.evaluation.truth import check_mask_folder
    from effvit_ros.report.progress import Bars
    if options.truth_dir and not Path(options.truth_dir).is_dir():
        raise UserError(f'--truth-dir {options.truth_dir}: no such folder')
    # Not by the number of bags: one more must not change how the finished ones were made.
    workers = options.jobs or _default_workers()
    share = workers if len(bags) > 1 else 1
    settings = Settings(
        bundle=str(bundle), runtime=options.runtime,
        threads=options.threads or max(1, (os.cpu_count() or 1) // share),
        image_topic=options.topic, truth_topic=options.truth_topic,
        truth_dir=str(Path(options.truth_dir).resolve()) if options.truth_dir else '',
        tolerance=options.tolerance, save_bag=options.save_bag, bit_depth=options.bit_depth)
    problems = check_mask_folder(settings.truth_dir, [bag_name(bag) for bag in bags]) \
        if settings.truth_dir else []
    jobs = plan(bags, options.out, settings, options.fresh)
    with Bars(len(jobs), 'frames', 'bags') as progress:
        batch = run_batch(jobs, options.out, _executor(options, len(jobs), workers), progress)
    problems += batch.problems
    for problem in problems:
        print(f'problem: {problem.line()}', file=sys.stderr)
    if batch.report is not None:
        print(summary(batch.report))
        print(f'written: {Path(options.out) / "report.html"}, report.md, report.json')
    if batch.interrupted:
        print('interrupted: run the same command again to go on', file=sys.stderr)
        return 130
    failed = any(p.kind not in options.accept for p in problems)
    return 1 if failed else 0


def _executor(options: argparse.Namespace, n_jobs: int, workers: int) -> Executor:
    from effvit_ros.evaluation.executors import InlineEngine, ProcessEngine, RayEngine
    if options.engine == 'ray':
        return RayEngine()
    return InlineEngine() if n_jobs == 1 else ProcessEngine(workers)


def _default_workers() -> int:
    # A small network keeps two cores busy; beyond that another bag gains more.
    return max(1, (os.cpu_count() or 1) // 2)


def _parse(args: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='evaluate_bag', epilog=_EPILOG,
        description='Segment every frame of recorded bags, score it where there is truth, and '
        'write report.json, report.md and report.html.')
    parser.add_argument('bags', nargs='*', metavar='BAG',
                        help='Evaluate these: a rosbag2 folder, .mcap, .db3, ROS 1 .bag, or a '
                             'folder of such.')
    parser.add_argument('--list', metavar='FILE',
                        help='Also evaluate what this text file names, a bag or folder a line.')
    parser.add_argument('--bundle', default='',
                        help='Segment with this bundle: a folder or a shipped name (default: the '
                             'shipped default).')
    parser.add_argument('--out', default='out/evaluation', metavar='DIR',
                        help='Write the report into this folder (default: %(default)s).')
    parser.add_argument('--topic', default='',
                        help='Take pictures from this topic (default: the only one).')
    truth = parser.add_mutually_exclusive_group()
    truth.add_argument('--truth-topic', default='', metavar='TOPIC',
                       help='Take truth from this topic (default: the one called truth or '
                            'ground_truth).')
    truth.add_argument('--truth-dir', default='', metavar='DIR',
                       help='Take truth from masks named by stamp or by frame index, or a '
                            'subfolder of such for each bag.')
    parser.add_argument('--tolerance', type=cli.seconds, default=0.0, metavar='SECONDS',
                        help='Let the stamps of picture and truth differ by so much '
                        '(default: 0, the same stamp).')
    parser.add_argument('--bit-depth', type=int, default=0, choices=(0, *DEPTHS), metavar='BITS',
                        help='Read 16-bit pictures with this bit depth, 8 to 16 (default: as '
                             'values tell).')
    parser.add_argument('--runtime', default='auto', choices=('auto',) + tuple(RUNTIMES),
                        help='Execute the graph in this runtime (default: %(default)s).')
    parser.add_argument('--threads', type=cli.count, default=0,
                        help='Give each bag so many CPU threads (default: the cores, shared out).')
    parser.add_argument('--jobs', type=cli.count, default=0, metavar='N',
                        help='Evaluate so many bags at a time (default: half the cores).')
    parser.add_argument('--engine', choices=('process', 'ray'), default='process',
                        help='Run bags in processes of this machine or on a Ray cluster '
                        '(default: %(default)s).')
    parser.add_argument('--save-bag', action='store_true',
                        help='Write labels and overlays into the mcap bag OUT/results.')
    parser.add_argument('--fresh', action='store_true',
                        help='Evaluate again what was finished earlier.')
    parser.add_argument('--accept', nargs='+', default=(), choices=KINDS, metavar='KIND',
                        help='Let these kinds of problems leave the exit code 0.')
    _add_live_options(parser.add_argument_group('live mode'))
    return parser.parse_args(args)


def _add_live_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument('--live', action='store_true',
                       help='Play the bags to the real node and measure drops and ages.')
    group.add_argument('--rate', type=cli.positive, default=1.0, metavar='R',
                       help='Play so many times as fast (default: %(default)g, as recorded).')
    group.add_argument('--no-peak', action='store_true',
                       help='Do not search the highest rate with less than 5 %% drops.')


if __name__ == '__main__':
    sys.exit(main())
