"""Command ``render_flight``: write the simulated flight, with its truth, to a folder or a bag."""
from __future__ import annotations

import argparse
import re
import sys
import time
from typing import Optional, Sequence, TextIO, Tuple

import cv2
import numpy as np

from effvit_ros.core import cli
from effvit_ros.core.errors import reports_user_errors, UserError
from effvit_ros.flight.dataset import contact_sheet, DatasetPlan, save, SpreadViews, write_dataset
from effvit_ros.flight.flight import Flight
from effvit_ros.flight.scene import SIZE


def parse_size(text: str) -> Tuple[int, int]:
    """Return (width, height) of 'WxH'; UserError for anything else or below 16."""
    match = re.fullmatch(r'(\d+)x(\d+)', text)
    if not match or not all(16 <= int(v) <= 4096 for v in match.groups()):
        raise UserError(f"--size '{text}' is not WxH with 16 to 4096 pixels, e.g. 512x512")
    return int(match.group(1)), int(match.group(2))


def parse_seeds(text: str) -> range:
    """Return the range of 'A-B' (both included) or 'A'; UserError for anything else."""
    match = re.fullmatch(r'(\d+)(?:-(\d+))?', text)
    first, last = (match.group(1), match.group(2) or match.group(1)) if match else (1, 0)
    if int(last) < int(first):
        raise UserError(f"--seeds '{text}' is not a range A-B of seeds, e.g. 0-39")
    return range(int(first), int(last) + 1)


class Progress:
    """A line of progress: rewritten on a terminal, one every 10 s in a log."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._start = self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` pictures are there."""
        now = time.monotonic()
        live = self._stream.isatty()
        if done < total and now - self._last < (0.2 if live else 10):
            return
        self._last = now
        line = f'{done}/{total} pictures, {now - self._start:.0f} s'
        end = '\n' if done == total or not live else '\r'
        print(line, end=end, file=self._stream, flush=True)


def build_parser() -> argparse.ArgumentParser:
    """Return the command's argument parser."""
    parser = argparse.ArgumentParser(prog='render_flight', description=__doc__)
    parser.add_argument('--out', help='Folder that gets images/SPLIT and labels/SPLIT.')
    parser.add_argument('--frames', type=int, default=100,
                        help='Render so many pictures of each scene (default: %(default)s).')
    parser.add_argument('--seed', type=cli.count, default=0,
                        help='Render the scene of this number (default: 0).')
    parser.add_argument('--seeds',
                        help='Render the scenes A to B, both included, instead of --seed.')
    parser.add_argument('--size', default='512x512',
                        help='Render pictures of WxH pixels (default: 512x512).')
    parser.add_argument('--stride', type=int,
                        help='Take every STRIDE-th frame of the flight (30 Hz) instead of '
                             'views spread over the scene.')
    parser.add_argument('--split', choices=('train', 'val'), default='train',
                        help='Name the split of the data (default: %(default)s).')
    parser.add_argument('--format', choices=('jpg', 'png'), default='jpg',
                        help='Write pictures in this form (default: %(default)s); label maps are '
                             'PNG.')
    parser.add_argument('--sheet', metavar='FILE',
                        help='Also write a contact sheet: picture next to coloured truth.')
    parser.add_argument('--scene-size', type=int, default=SIZE,
                        help=f'Edge of the scene in pixels (default {SIZE}).')
    _add_bag_options(parser.add_argument_group('a bag with poses'))
    return parser


def _add_bag_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument('--bag', metavar='BAG',
                       help='Write the flight as a rosbag2 with NavSatFix, Imu, rangefinder and '
                            'camera_info, and its truth next to it into BAG_truth.')
    group.add_argument('--rate', type=cli.positive, default=2.0, metavar='HZ',
                       help='Record so many pictures a second (default: %(default)g).')
    group.add_argument('--round', type=cli.positive, default=110.0, metavar='SECONDS',
                       help='Take so long for a flight round the scene (default: %(default)g).')
    group.add_argument('--altitudes', type=_factors, default=(1.0,), metavar='FACTOR,...',
                       help='Fly each round in turn at this multiple of the height, about 110 m '
                            '(default: 1).')
    group.add_argument('--encoding', choices=('jpeg', 'png', 'raw'), default='jpeg',
                       help='Encode the pictures so (default: %(default)s).')
    group.add_argument('--poses', choices=('navsat', 'local'), default='navsat',
                       help='Poses: /fix, /imu/data and /rangefinder, or /fix and '
                            '/local_position/pose (default: %(default)s).')
    group.add_argument('--gps-sigma', type=cli.seconds, default=0.0, metavar='METRES',
                       help='Let positions err by so much (default: 0).')
    group.add_argument('--heading-sigma', type=cli.seconds, default=0.0, metavar='DEGREES',
                       help='Let the recorded heading err by so much (default: %(default)s).')
    group.add_argument('--tilt-sigma', type=cli.seconds, default=0.0, metavar='DEGREES',
                       help='Let pitch and roll err by so much (default: 0).')
    group.add_argument('--range-sigma', type=cli.seconds, default=0.0, metavar='PERCENT',
                       help='Let the rangefinder err by so much (default: 0).')
    group.add_argument('--latency', type=cli.seconds, default=0.0, metavar='SECONDS',
                       help='Stamp pictures so much too late (default: 0).')
    group.add_argument('--wander', type=cli.seconds, default=10.0, metavar='SECONDS',
                       help='Let errors change in so much time; 0: again with each message '
                            '(default: %(default)g).')


def _factors(text: str) -> Tuple[float, ...]:
    return tuple(cli.positive(part) for part in text.split(','))


def _write_bag(args: argparse.Namespace) -> str:
    """Write one flight as a bag with its truth next to it; return a line that tells of it."""
    from effvit_ros.core.libraries import need
    from effvit_ros.core.missing import MAPPING, READING
    need(*READING, *MAPPING)
    from effvit_ros.bags.writer import BagWriter
    from effvit_ros.flight.path import ROUND_S
    from effvit_ros.flight.survey import SensorErrors, Survey
    from effvit_ros.mapping.flight_truth import write_flight_truth
    from effvit_ros.mapping.survey_bag import SurveyPlan, write_survey
    width, height = parse_size(args.size)
    # The flight's own round is fast; slowed down, its frames are as far apart.
    flight = Flight(args.seed, width, height, args.rate * args.round / ROUND_S, args.scene_size,
                    args.altitudes)
    errors = SensorErrors(args.gps_sigma, args.heading_sigma, args.tilt_sigma,
                          args.range_sigma / 100, args.latency, args.wander)
    plan = SurveyPlan(args.frames, args.rate, args.encoding, args.poses)
    survey = Survey(flight, args.round)
    truth = args.bag.rstrip('/') + '_truth'
    with BagWriter(args.bag) as writer:
        write_survey(writer, survey, errors, plan, Progress())
        write_flight_truth(truth, survey, plan, errors.latency_s)
    return (f'{args.bag}: {plan.frames} pictures in {plan.frames / plan.rate_hz:.0f} s; '
            f'truth: {truth}')


def _plan(args: argparse.Namespace) -> DatasetPlan:
    width, height = parse_size(args.size)
    seeds = parse_seeds(args.seeds if args.seeds else str(args.seed))
    if args.frames < 1:
        raise UserError(f'--frames {args.frames} is too few: give 1 or more')
    if args.stride is not None and args.stride < 1:
        raise UserError(f'--stride {args.stride} is too small: give 1 or more')
    if args.scene_size % 512 or not 1024 <= args.scene_size <= SIZE:
        raise UserError(f'--scene-size {args.scene_size} is not a multiple of 512 from 1024 '
                        f'to {SIZE}')
    if not args.out and not args.sheet and not args.bag:
        raise UserError('nothing to write: give --out DIR, --sheet FILE or --bag BAG')
    if args.bag and (args.seeds or args.stride):
        raise UserError('--bag holds one flight: give --seed and --rate instead of --seeds and '
                        '--stride')
    return DatasetPlan(args.out, seeds, args.frames, width, height, args.split, args.stride,
                       args.format, args.scene_size)


def _sheet(plan: DatasetPlan, count: int = 8) -> np.ndarray:
    """Contact sheet of the first ``count`` pictures, taken from the first scenes in turn."""
    frames = []
    seeds = list(plan.seeds)[:4]
    for seed in seeds:
        if plan.stride:
            frame = Flight(seed, plan.width, plan.height, 30.0, plan.scene_size).frame
        else:
            frame = SpreadViews(seed, plan.width, plan.height, plan.scene_size).frame
        frames += [frame(i * (plan.stride or 1)) for i in range(count // len(seeds))]
    return contact_sheet(frames)


@reports_user_errors
def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command; return its exit code."""
    args = build_parser().parse_args(argv)
    plan = _plan(args)
    cv2.setNumThreads(1)
    if plan.out:
        written, skipped = write_dataset(plan, Progress())
        print(f'{written} pictures written, {skipped} were there: {plan.out}')
    if args.bag:
        print(_write_bag(args))
    if args.sheet:
        save(args.sheet, _sheet(plan))
        print(f'contact sheet: {args.sheet}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
