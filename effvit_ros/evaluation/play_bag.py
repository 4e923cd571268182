"""The command ``play_bag``: publish a bag over DDS, for machines without ``ros2 bag``."""
from __future__ import annotations

import argparse
import os
import sys
from typing import List, Optional, Sequence, Tuple, TYPE_CHECKING

from effvit_ros.core import cli
from effvit_ros.core.errors import reports_user_errors, UserError
from effvit_ros.core.libraries import need, need_ros
from effvit_ros.core.missing import READING
from effvit_ros.evaluation.play_plan import Plan
from effvit_ros.ros.common.dds import dds_environment
from effvit_ros.ros.common.spin import spin_node

if TYPE_CHECKING:
    from effvit_ros.bags.bag import Bag
    from effvit_ros.evaluation.player import BagPlayer


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """Play the bag and return the exit code."""
    options, ros_args = _parse(list(sys.argv[1:] if args is None else args))
    need_ros()
    need(*READING)
    from effvit_ros.bags.bag import Bag
    bag = Bag(options.bag)
    plan = Plan(options.rate, options.start, options.end, options.duration, options.loop,
                options.clock, tuple(options.topics), options.wait_for, dict(options.rename))
    for name in filter(None, (*plan.topics, plan.wait_for, *plan.names)):
        if name not in bag.topics:
            raise UserError(f"{options.bag}: no topic {name}; the bag holds "
                            f"{', '.join(sorted(bag.topics))}")
    if plan.wait_for and plan.topics and plan.wait_for not in plan.topics:
        raise UserError(f'--wait-for {plan.wait_for}: the topic is not among --topics')
    # Pictures need the shared-memory profile on both sides.
    os.environ.update(dds_environment())
    players: List[BagPlayer] = []
    log = open(options.log, 'w', encoding='utf-8') if options.log else None

    def note(*entry: object) -> None:
        print(*entry, sep=',', file=log)

    def make_player() -> BagPlayer:
        from effvit_ros.evaluation.player import BagPlayer
        players.append(BagPlayer(bag, plan, note if log is not None else None))
        return players[0]
    try:
        code = spin_node(make_player, ros_args)
    finally:
        if log is not None:
            log.close()
    return code or _finish(options, bag, players)


def _finish(options: argparse.Namespace, bag: Bag, players: Sequence[BagPlayer]) -> int:
    """Say what was played and what was wrong; returns the exit code."""
    if players and players[0].failure is not None:
        raise players[0].failure
    for problem in bag.problems:
        print(f'problem: {problem.line()}', file=sys.stderr)
    if players and players[0].length_s is not None and not players[0].sent:
        raise UserError(f'{options.bag}: nothing lies between --start {options.start:g} and the '
                        f'end: its last message comes after {players[0].length_s:.1f} s')
    if players:
        print(f'{options.bag}: {players[0].sent} messages published')
    return 1 if list(bag.problems) else 0


def _parse(args: List[str]) -> Tuple[argparse.Namespace, List[str]]:
    parser = argparse.ArgumentParser(
        prog='play_bag', description='Publish a bag with its own stamps and /clock. ROS '
        'arguments, such as remappings, follow --ros-args.')
    parser.add_argument('bag', metavar='BAG',
                        help='Play this rosbag2 folder, .mcap, .db3 or ROS 1 .bag.')
    parser.add_argument('--rate', type=cli.positive, default=1.0, metavar='R',
                        help='Play so many times as fast as recorded (default: %(default)g).')
    parser.add_argument('--loop', action='store_true',
                        help='Start over at the end; stamps and /clock go on.')
    parser.add_argument('--start', type=cli.seconds, default=0.0, metavar='SECONDS',
                        help='Skip so much of the bag.')
    parser.add_argument('--end', type=cli.seconds, metavar='SECONDS',
                        help="Stop there, counted from the bag's beginning.")
    parser.add_argument('--duration', type=cli.positive, metavar='SECONDS',
                        help='Stop after so much real time.')
    parser.add_argument('--topics', nargs='+', default=(), metavar='TOPIC',
                        help='Publish only these (default: all).')
    parser.add_argument('--clock', type=cli.positive, default=100.0, metavar='HZ',
                        help='Publish /clock at least at this rate (default: %(default)g).')
    parser.add_argument('--wait-for', default='', metavar='TOPIC',
                        help='Begin when somebody subscribes to this topic.')
    parser.add_argument('--rename', nargs='+', default=(), type=_renaming, metavar='FROM:=TO',
                        help='Publish topics under other names, also such that ROS 2 forbids.')
    parser.add_argument('--log', metavar='FILE',
                        help='Write topic, stamp and monotonic time, ns, of what is sent.')
    own, ros = _split(args)
    options = parser.parse_args(own)
    if options.end is not None and options.end <= options.start:
        parser.error(f'--end {options.end:g} is not after --start {options.start:g}')
    return options, ros


def _renaming(text: str) -> Tuple[str, str]:
    """Return (name in the bag, name to publish)."""
    old, _, new = text.partition(':=')
    if not (old and new):
        raise argparse.ArgumentTypeError(f'{text}: give FROM:=TO, for example /cam0/1:=/camera')
    return old, new


def _split(args: List[str]) -> Tuple[List[str], List[str]]:
    """Return the arguments before --ros-args and the rest."""
    if '--ros-args' in args:
        position = args.index('--ros-args')
        return args[:position], args[position:]
    return args, []


if __name__ == '__main__':
    sys.exit(main())
