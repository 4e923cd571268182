"""
The command ``record_flight``: ``ros2 bag record`` with a limit on all that is kept.

rosbag2 can begin a new file at a size, but not give up old ones. This process owns the recorder:
it deletes the oldest recordings or ends the recorder when the room is used up, and once files of
the running recording are gone it has ``ros2 bag reindex`` write what is left into its metadata.
"""
from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import List, Optional, Sequence, Set

from effvit_ros.core import cli
from effvit_ros.core.errors import reports_user_errors, UserError
from effvit_ros.onboard.bag_room import BagRoom

#: Seconds between two looks at the room that is left.
_PERIOD_S = 1.0
#: Seconds that the recorder may take to write its cache and its metadata.
_PATIENCE_S = 15.0


class _Stop:
    """A plain flag: setting it from a signal handler takes no lock."""

    requested = False


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """Record until SIGINT, SIGTERM or, with ``--when-full stop``, the limit; return the code."""
    options = _parse(args)
    ros2 = shutil.which('ros2')
    if ros2 is None:
        raise UserError("the command 'ros2' is not on PATH: source ROS, and install ros2bag")
    folder = Path(options.folder).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f'--folder {folder}: {error.strerror}') from None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _request_stop)
    return _record(ros2, BagRoom(folder, options.max_total_mb, options.min_free_mb), options)


def _parse(args: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='record_flight', description='Record topics with ros2 bag, in bounded room.')
    parser.add_argument('topics', nargs='+', metavar='TOPIC',
                        help='Record this topic, by its full name.')
    parser.add_argument('--folder', required=True, help='Keep all recordings in this folder.')
    parser.add_argument('--storage', default='mcap', choices=('mcap', 'sqlite3'),
                        help="Record into this storage of rosbag2 (default: %(default)s).")
    parser.add_argument('--max-split-mb', type=cli.count_from_one, default=256,
                        help='Begin a new file at this size (default: %(default)s).')
    parser.add_argument('--max-total-mb', type=cli.count, default=0,
                        help='Let all recordings take at most so much; 0: no limit (default).')
    parser.add_argument('--min-free-mb', type=cli.count, default=0,
                        help='Keep so much of the disk free; 0: no limit (default).')
    parser.add_argument('--when-full', default='delete_oldest',
                        choices=('delete_oldest', 'stop'),
                        help='Do this at either limit (default: %(default)s).')
    return parser.parse_args(args)


def record_command(ros2: str, bag: Path, options: argparse.Namespace) -> List[str]:
    """Return the command line of the recorder; topics last, as every release takes them."""
    command = [ros2, 'bag', 'record', '--output', str(bag), '--storage', options.storage,
               '--max-bag-size', str(options.max_split_mb * 1_000_000)]
    if options.storage == 'mcap':
        # Label images shrink to a few per cent; the fastest level costs next to nothing.
        command += ['--storage-preset-profile', 'zstd_fast']
    return command + options.topics


def _record(ros2: str, room: BagRoom, options: argparse.Namespace) -> int:
    bag = room.next_bag()
    if not _has_room(room, bag, options.when_full, set()):
        _say('nothing is recorded: there is no room')
        return 0
    # A session of its own: Ctrl-C in a terminal would reach the recorder a second time.
    recorder = subprocess.Popen(record_command(ros2, bag, options), stdin=subprocess.DEVNULL,
                                start_new_session=True)
    _say(f'recording {len(options.topics)} topics into {bag}')
    shortened: Set[Path] = set()
    try:
        while not _Stop.requested and recorder.poll() is None:
            if not _has_room(room, bag, options.when_full, shortened):
                break
            _wait(recorder, _PERIOD_S)
        ended_itself = recorder.poll() is not None
    finally:
        _end(recorder)
    if shortened:
        _say(f'{len(shortened)} files of {bag.name} were deleted: indexing the others')
        _reindex(ros2, bag, options.storage)
    if ended_itself:
        raise UserError(f'ros2 bag record ended by itself with code {recorder.returncode}')
    return 0


def _has_room(room: BagRoom, bag: Path, when_full: str, shortened: Set[Path]) -> bool:
    """Make room where that is wanted; adds files of ``bag`` that it took to ``shortened``."""
    if when_full == 'delete_oldest':
        deleted, enough = room.make_room(bag)
        for path in deleted:
            _say(f'deleted {path} to make room')
        shortened |= {path for path in deleted if path.parent == bag}
    else:
        enough = room.excess() <= 0
    if not enough:
        _say('the room for recordings is used up: recording ends')
    return enough


def _wait(recorder: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait, but not longer than the recorder lives or until a signal comes."""
    deadline = time.monotonic() + seconds
    while (recorder.poll() is None and not _Stop.requested
           and time.monotonic() < deadline):
        time.sleep(0.05)


def _end(recorder: subprocess.Popen[bytes]) -> None:
    """End the recorder as Ctrl-C would, so that it writes its metadata."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if recorder.poll() is None:
            recorder.send_signal(number)
        try:
            recorder.wait(_PATIENCE_S)
            return
        except subprocess.TimeoutExpired:
            _say(f'the recorder did not end on {number.name}')


def _reindex(ros2: str, bag: Path, storage: str) -> None:
    done = subprocess.run([ros2, 'bag', 'reindex', '--storage', storage, str(bag)],
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        _say(f'{bag} could not be indexed: run ros2 bag reindex {bag}')


def _request_stop(_number: int, _frame: Optional[FrameType]) -> None:
    _Stop.requested = True


def _say(line: str) -> None:
    print(f'record_flight: {line}', flush=True)


if __name__ == '__main__':
    sys.exit(main())
