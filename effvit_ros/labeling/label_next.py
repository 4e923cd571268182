"""The command ``label_next``: choose frames of bags to label, and write them as tasks."""
from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, TYPE_CHECKING

import cv2
import numpy as np

from effvit_ros.core import cli
from effvit_ros.core.bundle import load_bundle, resolve_model
from effvit_ros.core.errors import reports_user_errors, UserError
from effvit_ros.core.libraries import need
from effvit_ros.core.missing import READING
from effvit_ros.core.overlay import Overlay
from effvit_ros.core.runtimes import RUNTIMES
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.core.whole_file import write_bytes, write_text
from effvit_ros.labeling.candidates import Candidate, measure
from effvit_ros.labeling.choice import Choice, choose
from effvit_ros.labeling.forms import FORMS, Task
from effvit_ros.report.contact_sheet import classes_in, CONTACT_SHEET, contact_sheet, Row

if TYPE_CHECKING:
    from effvit_ros.bags.bag import Bag
    from effvit_ros.bags.frames import RecordedFrame

TASKS, IMAGES = 'tasks.json', 'images'
#: Width of a picture on the contact sheet.
_WIDTH = 320


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """Choose and write tasks; return the exit code."""
    options = _parse(args)
    need(*READING)
    from effvit_ros.bags.find_bags import find_bags, refuse_same_names
    bags = find_bags(options.bags)
    refuse_same_names(bags, 'their frames could not be told apart')
    out = Path(options.out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f'--out {out}: not empty: give a new folder')
    bundle = load_bundle(resolve_model(options.bundle))
    out.parent.mkdir(parents=True, exist_ok=True)
    with Segmenter(bundle, options.runtime, options.threads) as segmenter:
        candidates = _measured(bags, options, segmenter)
        choice = choose(candidates, bundle.names, options.n)
        if not choice.chosen:
            raise UserError('no frame is fit to be labelled: '
                            + ', '.join(f'{number} {why}' for why, number in choice.passed_over))
        with tempfile.TemporaryDirectory(dir=out.parent, prefix='.tasks-') as place:
            new = Path(place) / 'tasks'
            _write(new, bags, options, segmenter, candidates, choice)
            if out.exists():
                out.rmdir()
            os.replace(new, out)
    shutil.rmtree(place, ignore_errors=True)
    _tell(out, options, candidates, choice)
    return 0


def _measured(bags: Sequence[Path], options: argparse.Namespace,
              segmenter: Segmenter) -> List[Candidate]:
    """Return the candidates of all bags, thinned out in time; problems go to standard error."""
    candidates: List[Candidate] = []
    for path in bags:
        name, before, last = '', len(candidates), None
        for bag, frame in _frames(path, options):
            name = bag.name
            if last is not None and 0 <= frame.stamp_ns - last < options.every * 1e9:
                continue
            last = frame.stamp_ns
            candidates.append(measure(name, frame, segmenter))
            if (len(candidates) - before) % 50 == 0:
                print(f'{name}: {len(candidates) - before} frames measured', file=sys.stderr)
        print(f'{name}: {len(candidates) - before} frames measured', file=sys.stderr)
    return candidates


def _frames(path: Path, options: argparse.Namespace) -> Iterator[Tuple[Bag, RecordedFrame]]:
    from effvit_ros.bags.bag import Bag
    from effvit_ros.bags.frames import recorded_frames
    from effvit_ros.bags.pictures import choose_topics
    with Bag(path) as bag:
        topic, _ = choose_topics(bag, options.topic)
        with closing(recorded_frames(bag, topic)) as frames:
            for frame in frames:
                yield bag, frame
        for problem in bag.problems:
            print(f'problem: {problem.line()}', file=sys.stderr)


def _write(folder: Path, bags: Sequence[Path], options: argparse.Namespace, segmenter: Segmenter,
           candidates: List[Candidate], choice: Choice) -> None:
    """Write pictures, pre-labels, the contact sheet and the list of reasons."""
    bundle = segmenter.bundle
    places = {(candidates[c.position].bag, candidates[c.position].index): (rank, c)
              for rank, c in enumerate(choice.chosen, 1)}
    overlay = Overlay(bundle.names, bundle.palette)
    tasks: List[Task] = []
    entries: List[Dict[str, Any]] = []
    rows: Dict[int, Row] = {}
    for path in bags:
        for bag, frame in _frames(path, options):
            rank, chosen = places.get((bag.name, frame.index), (0, None))
            if chosen is None:
                continue
            bgr = np.ascontiguousarray(frame.picture.bgr())
            labels = segmenter.segment(bgr, 'bgr').labels.copy()
            file = f'{bag.name}_{frame.stamp_ns:019d}.png'
            write_bytes(folder / IMAGES / file, cv2.imencode('.png', bgr)[1].tobytes())
            tasks.append(Task(file, labels, chosen.reason))
            entries.append({'rank': rank, 'file': file, 'bag': bag.name, 'frame': frame.index,
                            'stamp_ns': frame.stamp_ns, 'reason': chosen.reason,
                            'doubt': round(candidates[chosen.position].doubt, 4)})
            rows[rank] = Row(f'{rank}: {chosen.reason}', [
                ('picture', _small(bgr)), ('pre-labels', _small(overlay.draw(bgr, labels)))])
    FORMS[options.format](folder / options.format, tasks, bundle.names, bundle.palette)
    entries.sort(key=lambda entry: entry['rank'])
    write_text(folder / TASKS, json.dumps({
        'bundle': {'name': bundle.name, 'sha256': bundle.sha256}, 'format': options.format,
        'tasks': entries}, indent=1) + '\n')
    sheet = contact_sheet([rows[rank] for rank in sorted(rows)], bundle.names, bundle.palette,
                          classes_in(task.labels for task in tasks))
    write_bytes(folder / CONTACT_SHEET, cv2.imencode('.jpg', sheet)[1].tobytes())


def _small(picture: np.ndarray) -> np.ndarray:
    size = _WIDTH, round(_WIDTH * picture.shape[0] / picture.shape[1])
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _tell(out: Path, options: argparse.Namespace, candidates: List[Candidate],
          choice: Choice) -> None:
    print(f'{len(choice.chosen)} of {len(candidates)} frames to label; passed over: '
          + ', '.join(f'{number} {why}' for why, number in choice.passed_over))
    if len(choice.chosen) < options.n:
        print(f'fewer than --n {options.n}: no more frames differ enough')
    print(f'written: {out / options.format}, {out / IMAGES}, {out / CONTACT_SHEET}, {out / TASKS}')


def _parse(args: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='label_next', description='Choose the frames of recorded flights that are worth '
        'labelling most, and write them with pre-labels for a labelling tool.')
    parser.add_argument('bags', nargs='+', metavar='BAG',
                        help='Choose from these: a rosbag2 folder, .mcap, .db3, ROS 1 .bag, or a '
                             'folder of such.')
    parser.add_argument('--n', type=cli.count_from_one, default=50, metavar='N',
                        help='Choose so many frames (default: %(default)s).')
    parser.add_argument('--out', required=True, metavar='TASKS',
                        help='Write the tasks into this new folder.')
    parser.add_argument('--format', choices=tuple(FORMS), default='cvat',
                        help='Write pre-labels in this form (default: %(default)s).')
    parser.add_argument('--bundle', default='',
                        help='Segment with this bundle: a folder or a shipped name (default: the '
                             'shipped default).')
    parser.add_argument('--topic', default='',
                        help='Take pictures from this topic (default: the only one).')
    parser.add_argument('--every', type=cli.seconds, default=0.5, metavar='SECONDS',
                        help='Look at a frame every so often (default: %(default)s; 0: at all).')
    parser.add_argument('--runtime', default='auto', choices=('auto',) + tuple(RUNTIMES),
                        help='Execute the graph in this runtime (default: %(default)s).')
    parser.add_argument('--threads', type=cli.count, default=0,
                        help='Use so many CPU threads (default: the runtime decides).')
    return parser.parse_args(args)


if __name__ == '__main__':
    sys.exit(main())
