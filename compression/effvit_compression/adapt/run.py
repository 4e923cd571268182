"""An adaptation from its pictures to the finished folder, which is written whole or not at all."""
from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Callable, List, NamedTuple, Optional, Sequence

import torch

from effvit_compression.adapt.judge import Judge
from effvit_compression.adapt.labelled import hold_out, Labelled, Sample
from effvit_compression.adapt.learning import learn, Learnt
from effvit_compression.adapt.outcome import as_report, class_rows, Outcome, outcome, score
from effvit_compression.adapt.plan import Plan, plan
from effvit_compression.data.pictures import read_image, stretched
from effvit_compression.evaluation import evaluate_bundle
from effvit_compression.export.add_int8 import add_int8, Int8Rejected
from effvit_compression.export.bundle import (
    Description,
    make_variants,
    replace_folder,
    score_entry,
    write_bundle,
)
from effvit_compression.export.evidence import HAND
from effvit_compression.export.int8 import evenly_spaced
from effvit_compression.export.origins import inherited, Origin
from effvit_compression.export.price import PriceSet
from effvit_compression.export.temperature import calibrated_temperature
from effvit_compression.export.views import record, section
from effvit_compression.files import alone
from effvit_compression.models.factory import SegmentationNet
from effvit_ros.core.bundle import Bundle, is_bundle, load_bundle
from effvit_ros.core.errors import UserError
from effvit_ros.core.whole_file import write_text
from effvit_ros.report.render import markdown_table

REPORT, CARD, BUNDLE = 'report.json', 'report.md', 'bundle'
#: File of an interrupted learning, and the one that a run at work in a place holds.
CHECKPOINT, LOCK = 'last.ckpt', 'lock'
#: Pictures on which the exported graphs are proved.
PROOFS = 6
#: Pictures that calibrate the INT8 graph, and mIoU that it may lose.
CALIBRATION, MOST_LOST = 100, 0.01
#: Nothing is seen larger than this many times the network's input.
LARGEST = 2


class Task(NamedTuple):
    """
    What is adapted to what.

    ``held_out``: samples to judge by, empty: some of ``samples`` are taken. ``origin``: of the
    pictures, for the model card. ``command``: that does it again.
    """

    bundle: Bundle
    samples: Sequence[Sample]
    held_out: Sequence[Sample]
    origin: Origin
    minutes: float
    seed: int
    command: str


def check_place(out: Path) -> None:
    """Look at the place; :raises UserError: it holds something else than an adaptation."""
    earlier = (out / REPORT).is_file() and is_bundle(out / BUNDLE)
    if out.exists() and not earlier and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f'--out {out}: not empty, and no earlier adaptation: give a new folder')


def adapt(task: Task, net: SegmentationNet, out: Path, say: Callable[[str], None]) -> Outcome:
    """
    Learn, export, judge and write ``out``: ``bundle``, ``report.json`` and ``report.md``.

    Where the new bundle is not better as it flies, ``out`` holds the old one. An interrupted
    learning goes on where it was.

    :param net: the bundle's network; it is trained in place.
    :raises UserError: too few pictures, unreadable ones, labels that don't fit, or another
        process adapts into the same place.
    """
    start = time.monotonic()
    check_place(out)
    bundle, side = task.bundle, task.bundle.height
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    labelled = Labelled(task.samples, len(bundle.names), LARGEST * side)
    check_labels(labelled, bundle)
    if task.held_out:
        learn_from, held_out = labelled, Labelled(task.held_out, len(bundle.names), LARGEST * side)
    else:
        learn_from, held_out = (labelled.part(side_) for side_ in hold_out(labelled))
    settings = plan(learn_from, task.minutes, side)
    unfinished = out.with_name(f'.{out.name}.unfinished')
    with alone(unfinished / LOCK, f'--out {out}: another adaptation is at work there: wait for '
               'it, or give another --out'):
        say(f'{len(learn_from)} pictures to learn from, {len(held_out)} held out; at most '
            f'{settings.steps} steps or {settings.seconds / 60:.0f} min on {device}')
        kept = unfinished / identity(task)
        kept.mkdir(exist_ok=True)
        learnt = learn(net.to(device), learn_from,
                       Judge(held_out, len(bundle.names), side, device), settings, task.seed, say,
                       kept / CHECKPOINT)
        say(f'learnt {learnt.steps} steps; the bundle is {learnt.share:.0%} new and the rest old')
        with tempfile.TemporaryDirectory(dir=out.parent, prefix='.adapt-') as place:
            new = Path(place) / out.name
            new.mkdir()
            found = the_better(task, net.cpu(), learnt, learn_from, held_out.samples,
                               new / BUNDLE, say)
            report = report_of(task, learn_from, held_out, settings, learnt, found,
                               load_bundle(new / BUNDLE), time.monotonic() - start)
            write_text(new / REPORT, json.dumps(report, indent=2) + '\n')
            write_text(new / CARD, page(report, found, out, bundle.names))
            replace_folder(new, out)
        shutil.rmtree(unfinished, ignore_errors=True)
    return found


def the_better(task: Task, net: SegmentationNet, learnt: Learnt, learn_from: Labelled,
               held_out: Sequence[Sample], folder: Path, say: Callable[[str], None]) -> Outcome:
    """Write the new bundle, or a copy of the old one where the new one flies worse; score both."""
    before = score(task.bundle, held_out)
    if learnt.share:
        write(task, net, learn_from, held_out, folder, say)
        say('scoring the bundle before and after on the held-out part')
        found = outcome(before, score(load_bundle(folder), held_out))
        if not found.gain.difference < 0:
            return found
        # As it flies, in INT8, it is worse after all.
        shutil.rmtree(folder)
    shutil.copytree(task.bundle.path, folder)
    return outcome(before, before)


def identity(task: Task) -> str:
    """Return what tells a task from others: only the same one goes on where it was interrupted."""
    files = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns)
             for sample in (*task.samples, *task.held_out)
             for path in (sample.image, sample.label)]
    what = json.dumps([task.bundle.sha256, files, len(task.held_out), task.minutes, task.seed])
    return hashlib.sha256(what.encode()).hexdigest()[:16]


def check_labels(labelled: Labelled, bundle: Bundle) -> None:
    """Look at the labels; :raises UserError: they hold no class, or one alone."""
    present = int((labelled.pixels.sum(axis=0) > 0).sum())
    if present < 2:
        raise UserError(
            f'the labels hold {present} of the {len(bundle.names)} classes of {bundle.name}: two '
            'or more are needed, or there is nothing to tell apart')


def write(task: Task, net: SegmentationNet, learn_from: Labelled,
          held_out: Sequence[Sample], folder: Path, say: Callable[[str], None]) -> None:
    """Write the bundle with the kinds of graphs that the old one has, INT8 where it pays."""
    bundle, side = task.bundle, task.bundle.height
    wanted = [(g.precision, g.io) for g in bundle.graphs if g.precision != 'int8']
    proofs = [stretched(read_image(sample.image), side)
              for sample in evenly_spaced(held_out, PROOFS)]
    say('exporting')
    made = make_variants(net, side, wanted, proofs)
    story = (f'{bundle.name}, adapted by `effvit-compress adapt` to {len(learn_from)} labelled '
             f'pictures of {task.origin.name}, with soft labels of the bundle before.')
    origins = list({o.name: o for o in (*inherited(bundle), task.origin)}.values())
    taught = learn_from.pixels.sum(axis=0) > 0
    description = Description(f'{bundle.name}_adapted', tuple(origins), story, task.command,
                              lambda scores: evidence_after(bundle, taught))

    pairs = [sample.read() for sample in held_out]

    def scores(place: Path) -> List[dict]:
        return [score_entry(f'{task.origin.name}, held out',
                            evaluate_bundle(load_bundle(place), pairs))]

    def views(place: Path) -> dict:
        # What the old bundle knew it still knows.
        return section(record(load_bundle(place), {task.origin.name: learn_from},
                              {task.origin.name: pairs}, bundle.views))

    write_bundle(net, made, folder, side, description, scores,
                 lambda place: calibrated_temperature(load_bundle(place), pairs), views)
    calibration = [stretched(read_image(s.image), side)
                   for s in evenly_spaced(learn_from.samples, CALIBRATION)]
    try:
        price = add_int8(folder, folder, calibration,
                         [PriceSet(f'{task.origin.name}, held out', pairs)], MOST_LOST,
                         f'{len(calibration)} pictures of {task.origin.name}')
        say(f'INT8 loses {price.loss:.4f} mIoU and is {price.speedup:.2f} times as fast here')
    except Int8Rejected as error:
        say(str(error))


def evidence_after(bundle: Bundle, taught: Sequence[bool]) -> dict:
    """Return what each class was learnt from: as before, and by hand where it was labelled."""
    before = bundle.manifest.get('evidence') or {}
    found = {}
    for name, here in zip(bundle.names, taught):
        entry = before.get(name) or {}
        words = [word for word in entry.get('learnt_from') or [] if word != HAND or not here]
        found[name] = {'learnt_from': [HAND, *words] if here else words,
                       'unseen': dict(entry.get('unseen') or {})}
    return found if before else {}


def report_of(task: Task, learn_from: Labelled, held_out: Labelled, settings: Plan,
              learnt: Learnt, found: Outcome, bundle: Bundle, seconds: float) -> dict:
    """Return what ``report.json`` holds."""
    present = learn_from.pixels.sum(axis=0) > 0
    return {
        **as_report(found, bundle.names),
        'pictures': {'learnt_from': len(learn_from), 'held_out': len(held_out)},
        'classes_without_labels': [n for n, here in zip(bundle.names, present) if not here],
        'steps': learnt.steps, 'share_of_new': learnt.share,
        'stopped_early': learnt.stopped_early, 'curve': learnt.curve,
        'settings': {**settings._asdict(), 'augmentation': settings.augmentation.model_dump()},
        'seconds': round(seconds, 1), 'seed': task.seed,
        'bundle_before': {'name': task.bundle.name, 'sha256': task.bundle.sha256},
        'bundle_after': {'name': bundle.name, 'sha256': bundle.sha256},
    }


def page(report: dict, found: Outcome, out: Path, names: Sequence[str]) -> str:
    """Markdown for people: before and after, the classes, and how to fly it."""
    low, high = report['ci']
    interval = '' if low is None else f' (95 %: {low:+.3f} to {high:+.3f})'
    kept = ', '.join(report['classes_without_labels'])
    lines = [
        f'# {report["bundle_before"]["name"]}, adapted', '',
        f'**{report["verdict"]}.**', '',
        f'mIoU on {report["pictures"]["held_out"]} held-out pictures: '
        f'{shown(report["miou_before"])} before, {shown(report["miou_after"])} after, '
        f'{shown(report["gain"], "+.3f")}{interval}; paired bootstrap over the pictures. They '
        'chose when to stop, so new pictures will gain a little less.', '',
        markdown_table(class_rows(found, names)),
        *([f'Not in the new labels, kept from before: {kept}.', ''] if kept else []),
        'Fly it:', '', '```', fly(out, report['bundle_after']['sha256']), '```', '']
    return '\n'.join(lines)


def shown(value: Optional[float], form: str = '.3f') -> str:
    """Return a score, or a dash."""
    return '-' if value is None else format(value, form)


def fly(out: Path, sha256: str) -> str:
    """Return the command that starts the node with this bundle and no other."""
    return ('ros2 run effvit_ros segmenter_node --ros-args '
            f'-p model:={(out / BUNDLE).resolve()} -p model_sha256:={sha256}')
