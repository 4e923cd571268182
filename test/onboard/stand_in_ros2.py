#!/usr/bin/env python3
"""
Stands in for the command ``ros2 bag``, whose packages have no wheels.

It keeps to what rosbag2 does with files: splits named after the bag's folder, a new one once
--max-bag-size is reached, metadata.yaml when it is interrupted. Every call is noted in the file
named by RECORDER_CALLS; RECORDER_FAILS makes ``record`` end by itself.
"""
import os
import signal
import sys
import time
from pathlib import Path

STEP = 100_000


def note(line):
    """Add a line to the calls."""
    with open(os.environ['RECORDER_CALLS'], 'a') as file:
        file.write(line + '\n')


def record(options):
    """Write zeros in splits until interrupted."""
    bag, size = Path(options['--output']), int(options['--max-bag-size'])
    bag.mkdir()
    if os.environ.get('RECORDER_FAILS'):
        sys.exit(3)
    stop = []
    signal.signal(signal.SIGINT, lambda number, frame: stop.append(number))
    split = 0
    while not stop:
        with open(bag / f'{bag.name}_{split}.mcap', 'ab') as file:
            while not stop and file.tell() < size:
                file.write(bytes(STEP))
                file.flush()
                time.sleep(0.02)
        split += 1
    (bag / 'metadata.yaml').write_text('rosbag2_bagfile_information:\n')
    note(f'interrupted {len(stop)}')


note(' '.join(sys.argv[1:]))
if sys.argv[1:3] == ['bag', 'record']:
    record(dict(zip(sys.argv[3::2], sys.argv[4::2])))
