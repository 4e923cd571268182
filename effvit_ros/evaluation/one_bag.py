"""One bag from its path to a finished folder: the unit of work of a batch."""
from __future__ import annotations

import os
import shutil
import tempfile
import time
import traceback
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from effvit_ros.bags.bag import Bag, bag_name, contents, storage_files
from effvit_ros.bags.pictures import choose_topics, note_unknown_types
from effvit_ros.bags.problems import BagError, Problem, Problems
from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.energy import measured_energy
from effvit_ros.core.errors import UserError
from effvit_ros.core.picture_files import mask_files
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.evaluation.identity import (
    bag_identity,
    bundle_identity,
    device_identity,
    inputs_state,
)
from effvit_ros.evaluation.offline_page import offline_page
from effvit_ros.evaluation.report import bag_report, load_report, problems_of, REPORT, write_report
from effvit_ros.evaluation.scoring import evaluate_frames, RESULTS, Settings
from effvit_ros.evaluation.truth import mask_folder, open_truth
from effvit_ros.report.render import write_page

#: Called with (frames done, frames in all).
Progress = Callable[[int, int], None]
#: Where the traceback of an unforeseen error is left.
FAILURE = 'failure.txt'


class Job(NamedTuple):
    """A bag to evaluate, the folder for its results and how to do it."""

    bag: str
    out: str
    settings: Settings
    #: Evaluate even where a finished report is there.
    fresh: bool = False


class Outcome(NamedTuple):
    """
    What became of a job: ``done``, ``kept`` (finished earlier) or ``failed``.

    ``problems`` are one line each; a failed bag has at least one.
    """

    job: Job
    status: str
    problems: Tuple[Problem, ...]


def run_job(job: Job, on_progress: Optional[Progress] = None) -> Outcome:
    """Evaluate one bag, or keep its finished results, and return the :class:`Outcome`."""
    problems = kept_problems(job)
    if problems is not None:
        return Outcome(job, 'kept', problems)
    try:
        report = evaluate_bag(job, on_progress)
    except BagError as error:
        return Outcome(job, 'failed', (Problem(error.kind, str(error)),))
    except UserError as error:
        return Outcome(job, 'failed', (Problem('failed', f'{job.bag}: {error}'),))
    except Exception as error:
        out = Path(job.out)
        out.mkdir(parents=True, exist_ok=True)
        (out / FAILURE).write_text(traceback.format_exc(), encoding='utf-8')
        return Outcome(job, 'failed', (Problem(
            'failed', f'{job.bag}: {type(error).__name__}: {error} (see {out / FAILURE})'),))
    return Outcome(job, 'done', tuple(problems_of(report)))


def kept_problems(job: Job) -> Optional[Tuple[Problem, ...]]:
    """
    Return the problems in a job's finished report, or None where it has to be evaluated.

    A report is finished where bag, masks, bundle and settings are still what they were.
    """
    if job.fresh:
        return None
    try:
        report, _ = load_report(Path(job.out))
        inputs = inputs_state(
            contents(storage_files(Path(job.bag), Problems())) + _masks(job))
        bundle = load_bundle(job.settings.bundle)
    except (UserError, OSError):
        return None
    same = (report['run'].get('inputs') == inputs and report['bundle']['sha256'] == bundle.sha256
            and report['settings'] == asdict(job.settings))
    return tuple(problems_of(report)) if same else None


def evaluate_bag(job: Job, on_progress: Optional[Progress] = None) -> Dict[str, Any]:
    """
    Evaluate one bag and leave a finished folder: record, report.json, .md and .html.

    Nothing is seen in the folder before all of it is there; report.json comes last.

    :param on_progress: called with (frames done, frames in all).
    :returns: the report.
    :raises BagError: the bag can't be evaluated.
    :raises UserError: the bundle, the runtime or the truth can't be used.
    """
    began, start = datetime.now(timezone.utc), time.perf_counter()
    settings, out = job.settings, Path(job.out)
    bundle = load_bundle(settings.bundle)
    with Bag(job.bag) as bag, _staging(out) as folder:
        image_topic, truth_topic = choose_topics(bag, settings.image_topic, settings.truth_topic)
        note_unknown_types(bag)
        masks = None
        if settings.truth_dir:
            masks, truth_topic = mask_folder(settings.truth_dir, bag.name), ''
        truth = open_truth(bag, truth_topic, masks, round(settings.tolerance * 1e9))
        truth_read = time.perf_counter()
        total = bag.count(image_topic)
        with Segmenter(bundle, settings.runtime, settings.threads) as segmenter, \
                measured_energy() as energy:
            device = device_identity(segmenter.runtime.description)
            opened = time.perf_counter()
            scored = evaluate_frames(
                bag, image_topic, truth, segmenter, folder, settings.save_bag,
                settings.bit_depth, on_progress and (lambda count: on_progress(count, total)))
        if (masks or settings.truth_topic) and not scored:
            bag.problems.add('no_truth', f'{bag.path}: {masks or truth_topic} has truth for not '
                                         'one frame')
        evaluated = time.perf_counter()
        identity = bag_identity(bag, image_topic, truth_topic, _masks(job))
        run: Dict[str, Any] = {
            'began': began.isoformat(timespec='seconds'),
            'path': str(bag.path.resolve()), 'inputs': inputs_state(bag.contents + _masks(job)),
            'open_s': round(truth_read - start, 3), 'model_s': round(opened - truth_read, 3),
            'frames_s': round(evaluated - opened, 3),
            'hash_s': round(time.perf_counter() - evaluated, 3)}
        if energy.joules is not None:
            run['energy'] = {'joules_per_frame': energy.per(total, evaluated - opened),
                             'source': energy.source}
        report = bag_report(folder, bundle_identity(bundle), identity, device, settings,
                            bag.problems, run)
        write_page(offline_page(report, folder), folder)
        write_report(report, folder)
        _deliver(folder, out)
    return report


def _masks(job: Job) -> List[Path]:
    """Return the mask files that belong to the job's bag."""
    if not job.settings.truth_dir:
        return []
    folder = mask_folder(job.settings.truth_dir, bag_name(job.bag))
    return mask_files(folder) if folder else []


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """Make a temporary folder inside the results' folder; it is gone at the end."""
    out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix='.unfinished-', dir=out))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _deliver(folder: Path, out: Path) -> None:
    """Move what is finished to its place, the report last: it tells that the rest is there."""
    (out / REPORT).unlink(missing_ok=True)
    (out / FAILURE).unlink(missing_ok=True)
    shutil.rmtree(out / RESULTS, ignore_errors=True)
    for path in sorted(folder.iterdir(), key=lambda p: p.name == REPORT):
        os.replace(path, out / path.name)
