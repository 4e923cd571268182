"""Live evaluation: bags through the real node over DDS, what a robot would get."""
from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, TYPE_CHECKING

import numpy as np

from effvit_ros.bags.bag import Bag
from effvit_ros.bags.frames import frame_stamps
from effvit_ros.bags.pictures import choose_topics, note_unknown_types
from effvit_ros.bags.problems import BagError, Problem
from effvit_ros.core.bundle import Bundle, load_bundle
from effvit_ros.core.errors import UserError
from effvit_ros.evaluation.batch import plan as plan_jobs
from effvit_ros.evaluation.identity import (
    bag_identity,
    bundle_identity,
    device_identity,
    inputs_state,
)
from effvit_ros.evaluation.live_page import live_page
from effvit_ros.evaluation.one_bag import Job
from effvit_ros.evaluation.report import distribution, FORMAT_VERSION, write_report
from effvit_ros.evaluation.scoring import Settings
from effvit_ros.harness.processes import free_domain_id, node_environment
from effvit_ros.report.render import write_page

if TYPE_CHECKING:
    from effvit_ros.evaluation.live_trial import Playback, Trial

#: More drops than this are too many.
DROPS_ALLOWED = 0.05
#: Seconds of playing that are not counted: the first frames are slow.
_WARM_UP_S = 2.0
#: A trial of the peak search has at least so many seconds and frames.
_TRIAL_S, _TRIAL_FRAMES = 6.0, 60
#: The search ends when the rates that pass and fail are this near to each other.
_NEAR = 1.06
#: Playing slower than this share of what was asked for is the player's limit.
_KEPT_UP = 0.9


def evaluate_live(bags: Sequence[Path], bundle: Path, options: argparse.Namespace) -> int:
    """
    Play each bag through the node, write its report, and return the exit code.

    :param options: of the command evaluate_bag: ``out``, ``topic``, ``runtime``, ``threads``,
        ``rate``, ``no_peak``, ``accept``.
    """
    # This process listens, so it needs the nodes' domain and profile as well.
    environment = node_environment(free_domain_id())
    os.environ.update(environment)
    settings = Settings(bundle=str(bundle), runtime=options.runtime, threads=options.threads,
                        image_topic=options.topic, bit_depth=options.bit_depth)
    problems: List[Problem] = []
    for job in plan_jobs(bags, options.out, settings):
        try:
            report = _evaluate(job, options.rate, not options.no_peak, environment)
        except BagError as error:
            problems.append(Problem(error.kind, str(error)))
            continue
        except UserError as error:
            # Of a node that failed the further lines are the end of its log, which lies in OUT.
            problems.append(Problem('failed', f'{job.bag}: {str(error).splitlines()[0]}'))
            continue
        problems += [Problem(**p) for p in report['problems']]
        print(_summary(report))
        print(f'written: {Path(job.out) / "report.html"}, report.md, report.json')
    for problem in problems:
        print(f'problem: {problem.line()}', file=sys.stderr)
    return 1 if any(p.kind not in options.accept for p in problems) else 0


def _evaluate(job: Job, rate: float, with_peak: bool,
              environment: Mapping[str, str]) -> Dict[str, Any]:
    began = datetime.now(timezone.utc)
    bundle = load_bundle(job.settings.bundle)
    with Bag(job.bag) as bag:
        topic, _ = choose_topics(bag, job.settings.image_topic)
        note_unknown_types(bag)
        recorded_hz = _rate_of(frame_stamps(bag, topic))
        identity = bag_identity(bag, topic, '')
        inputs = inputs_state(bag.contents)
        problems = [p._asdict() for p in bag.problems]
    out = Path(job.out)
    out.mkdir(parents=True, exist_ok=True)
    from effvit_ros.evaluation.live_trial import playback
    with playback(job.settings, job.bag, topic, out, environment) as node:
        _tell(f'{identity["name"]}: warming up')
        node.play(1.0, _WARM_UP_S)
        _tell(f'{identity["name"]}: playing at rate {rate:g} ({recorded_hz * rate:.1f} Hz)')
        main_trial = node.play(rate)
        trials = None
        if with_peak:
            trials = list(peak_trials(node, recorded_hz, main_trial, _tell))
        runtime = node.diagnostics.get('runtime_description', '')
    report = _report(job, bundle, identity, device_identity(runtime), recorded_hz, main_trial,
                     trials, problems, {
                         'began': began.isoformat(timespec='seconds'), 'path': str(job.bag),
                         'inputs': inputs})
    write_page(live_page(report, main_trial.ages_ms), out)
    write_report(report, out)
    return report


def peak_trials(node: Playback, recorded_hz: float, first: Trial,
                tell: Callable[[str], None]) -> Iterator[Trial]:
    """
    Yield the trials of the search for the highest rate with few drops.

    Doubles (or halves) the rate until one passes and one fails, then halves what lies between.

    :param node: a :class:`~effvit_ros.evaluation.live_trial.Playback`.
    :param first: the trial that was made already.
    :param tell: called with a line about each trial.
    """
    trial = first
    passed: Optional[float] = None
    failed: Optional[float] = None
    while True:
        if trial.drop_share < DROPS_ALLOWED:
            passed = trial.rate
            if trial.in_hz < _KEPT_UP * trial.rate * recorded_hz:
                return  # the player can't play faster
        else:
            failed = trial.rate
        if passed is None:
            rate = trial.rate / 2
            if rate * recorded_hz < 0.1:
                return
        elif failed is None:
            rate = trial.rate * 2
        elif failed / passed < _NEAR:
            return
        else:
            rate = (passed * failed) ** 0.5
        hertz = rate * recorded_hz
        trial = node.play(rate, max(_TRIAL_S, _TRIAL_FRAMES / hertz))
        tell(f'  rate {rate:.2f}: {trial.in_hz:.1f} Hz in, {trial.segmented_hz:.1f} Hz '
             f'segmented, {trial.drop_share:.1%} dropped')
        yield trial


def _report(job: Job, bundle: Bundle, bag: Dict[str, Any], device: Dict[str, Any],
            recorded_hz: float, trial: Trial, trials: Optional[List[Trial]],
            problems: List[Dict[str, Any]], run: Dict[str, Any]) -> Dict[str, Any]:
    return {
        'made_by': 'evaluate_bag', 'format_version': FORMAT_VERSION, 'mode': 'live',
        'miou': None, 'mdice_lpcv': None, 'per_class': None, 'n_scored': 0,
        'false_alarms': None, 'costliest_pair': None,
        'bag': bag, 'bundle': bundle_identity(bundle), 'device': device,
        'settings': {**asdict(job.settings), 'rate': trial.rate},
        'problems': problems, 'recorded_hz': recorded_hz, 'n_frames': trial.frames_in,
        'live': _trial_row(trial),
        'peak': None if trials is None else _peak([trial] + trials),
        'latency_ms': _age_row(trial), 'run': run,
    }


def _peak(trials: Sequence[Trial]) -> Dict[str, Any]:
    """Return the highest rate with few drops, None where all had many, and the searching."""
    passing = [t for t in trials if t.drop_share < DROPS_ALLOWED]
    best = max(passing, key=lambda t: t.in_hz, default=None)
    return {'drops_allowed': DROPS_ALLOWED, 'hz': best and best.in_hz,
            'rate': best and best.rate, 'trials': [_trial_row(t) for t in trials[1:]]}


def _trial_row(trial: Trial) -> Dict[str, Any]:
    return {
        'rate': trial.rate, 'seconds': trial.seconds, 'frames_in': trial.frames_in,
        'segmented': trial.segmented, 'dropped': trial.dropped,
        'drop_share': trial.drop_share, 'in_hz': trial.in_hz,
        'segmented_hz': trial.segmented_hz, 'age_ms': _age_row(trial),
        'cpu_percent': trial.cpu_percent, 'memory_mb': trial.memory_mb,
    }


def _age_row(trial: Trial) -> Dict[str, Any]:
    return distribution(np.array(trial.ages_ms))


def _rate_of(stamps: Sequence[int]) -> float:
    """Return the frames a second by the median distance of stamps."""
    steps = np.diff(np.array(stamps, np.int64))
    steps = steps[steps > 0]
    return 1e9 / float(np.median(steps)) if steps.size else 1.0


def _summary(report: Dict[str, Any]) -> str:
    live, age = report['live'], report['live']['age_ms']
    lines = [
        f"rate {live['rate']:g}: {live['frames_in']} frames in ({live['in_hz']:.1f} Hz), "
        f"{live['segmented']} segmented, {live['dropped']} dropped ({live['drop_share']:.1%})"]
    if age['p50'] is not None:
        lines.append(f"age of results p50 {age['p50']:.0f}, p95 {age['p95']:.0f}, "
                     f"p99 {age['p99']:.0f} ms; node {live['cpu_percent']:.0f} % CPU, "
                     f"{live['memory_mb']:.0f} MB")
    peak = report['peak']
    if peak is not None:
        lines.append('no rate with less than 5 % drops was found' if peak['hz'] is None else
                     f"peak rate {peak['hz']:.1f} Hz (less than {DROPS_ALLOWED:.0%} drops)")
    return '\n'.join(lines)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
