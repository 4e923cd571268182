"""The command ``make_bag``: pictures, and masks where there are some, become a rosbag2."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Optional, Sequence

from effvit_ros.core import cli
from effvit_ros.core.errors import reports_user_errors, UserError
from effvit_ros.core.jpeg import PICTURE_QUALITY
from effvit_ros.core.libraries import need
from effvit_ros.core.missing import READING
from effvit_ros.core.picture_files import picture_files

#: 2023-11-14 22:13:20 UTC: a stamp like a camera's, the same in every run.
_START_S = 1_700_000_000


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """Write the bag and return the exit code."""
    options = _parse(args)
    need(*READING, 'PIL')
    from effvit_ros.bags.still_flight import bag_frames, Form, write_frames
    from effvit_ros.bags.writer import BagWriter
    pictures = picture_files(Path(options.images))
    labels = Path(options.labels) if options.labels else None
    form = Form(options.encoding, options.quality, options.topic, options.truth_topic)
    frames = bag_frames(pictures, labels, options.window, options.frames)
    with BagWriter(options.out, options.storage, not options.no_compression) as writer:
        counts = write_frames(writer, frames, form, round(options.start * 1e9), options.rate)
        if options.labels and not counts.truths:
            raise UserError(f'{options.labels}: no label map (STEM.png) for any of the pictures')
    print(f'{options.out}: {counts.frames} frames of {len(pictures)} pictures, '
          f'{counts.frames / options.rate:.1f} s at {options.rate:g} Hz on {options.topic}'
          + (f', {counts.truths} with truth on {options.truth_topic}' if options.labels else ''))
    if options.labels and counts.without_truth:
        print(f'note: {options.labels}: no label map for {len(counts.without_truth)} pictures, '
              f'{counts.without_truth[0]} the first', file=sys.stderr)
    return 0


def _parse(args: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='make_bag', description='Make a rosbag2 of pictures and, where there are some, '
        'label maps of the same stem.')
    parser.add_argument('--images', required=True, metavar='DIR',
                        help='Take the pictures of this folder.')
    parser.add_argument('--labels', metavar='DIR',
                        help='Take truth from index PNGs named like the pictures; a missing one '
                             'is told.')
    parser.add_argument('--rate', type=cli.positive, default=10.0, metavar='HZ',
                        help='Record so many frames a second (default: %(default)g).')
    parser.add_argument('--out', required=True, metavar='BAG',
                        help='Write the new bag into this folder.')
    parser.add_argument('--window', type=cli.size, metavar='WxH',
                        help='Let a window of this size fly over each picture.')
    parser.add_argument('--frames', type=cli.count_from_one, default=60, metavar='N',
                        help='Fly so many frames over one picture (default: %(default)s).')
    parser.add_argument('--encoding', choices=('raw', 'png', 'jpeg'), default='raw',
                        help='Encode pictures so; raw and png keep every pixel (default: '
                             '%(default)s).')
    parser.add_argument('--quality', type=int, choices=range(1, 101), metavar='1..100',
                        default=PICTURE_QUALITY,
                        help='Write JPEGs of this quality, 1 to 100 (default: %(default)s).')
    parser.add_argument('--topic', default='/camera/image',
                        help='Publish pictures on this topic (default: %(default)s, with '
                             '/compressed for png and jpeg).')
    parser.add_argument('--truth-topic', default='/camera/truth',
                        help='Publish label images on this topic (default: %(default)s).')
    parser.add_argument('--storage', choices=('mcap', 'sqlite3'), default='mcap',
                        help='Write the bag in this storage (default: %(default)s).')
    parser.add_argument('--no-compression', action='store_true',
                        help='Write raw pictures without zstd: larger and faster.')
    parser.add_argument('--start', type=cli.stamp, default=_START_S, metavar='SECONDS',
                        help='Stamp the first frame so (default: %(default)s).')
    options = parser.parse_args(args)
    if options.encoding != 'raw' and not options.topic.endswith('/compressed'):
        options.topic += '/compressed'
    return options


if __name__ == '__main__':
    sys.exit(main())
