"""Batches: parallel processes, crashes, Ctrl-C, Ray; and the reader's own thread."""
from __future__ import annotations

import dataclasses
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from bag_files import truth, write_bag, write_masks, wrong_truth
from tiny_bundle import write_lpcv_bundle

from effvit_ros.evaluation import executors
from effvit_ros.evaluation.batch import plan, run_batch
from effvit_ros.evaluation.executors import InlineEngine, ProcessEngine
from effvit_ros.evaluation.one_bag import Job, run_job
from effvit_ros.evaluation.read_ahead import read_ahead
from effvit_ros.evaluation.report import load_report
from effvit_ros.evaluation.scoring import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def jobs(tiny_bundle, tmp_path):
    """Return jobs for a good bag and for one that is not there."""
    settings = Settings(str(tiny_bundle), threads=1)
    good = write_bag(tmp_path / 'good')
    return [Job(str(good), str(tmp_path / 'out' / 'good'), settings),
            Job(str(tmp_path / 'missing'), str(tmp_path / 'out' / 'missing'), settings)]


def outcomes(engine, jobs, on_progress=lambda *_: None):
    return {Path(o.job.bag).name: o for o in engine.run(jobs, on_progress)}


def test_processes_and_this_process_give_the_same(jobs, tmp_path):
    progress = []
    inline = outcomes(InlineEngine(), jobs, lambda job, *frames: progress.append(frames))
    frames = (tmp_path / 'out' / 'good' / 'frames.jsonl').read_bytes()
    assert progress[-1] == (6, 6)
    spread = outcomes(ProcessEngine(2), [job._replace(fresh=True) for job in jobs])
    assert (tmp_path / 'out' / 'good' / 'frames.jsonl').read_bytes() == frames
    for found in (inline, spread):
        assert found['good'].status == 'done' and found['good'].problems == ()
        assert found['missing'].status == 'failed'
        assert found['missing'].problems[0].text.endswith('missing: no such bag')


class Silence:
    """Progress that nobody watches."""

    def advance(self, *_):
        """Do nothing."""

    finish = advance


def test_bags_are_pooled_over_their_frames(tmp_path):
    bags = [write_bag(tmp_path / 'good', count=6),
            write_bag(tmp_path / 'bad', count=2, make_truth=wrong_truth), tmp_path / 'missing']
    out = tmp_path / 'out'
    planned = plan(bags, out, Settings(str(write_lpcv_bundle(tmp_path / 'lpcv')), threads=1))
    batch = run_batch(planned, out, InlineEngine(), Silence())
    parts = [load_report(job.out)[0] for job in planned[:2]]
    assert batch.report['n_frames'] == 8
    assert np.array_equal(batch.report['confusion'],
                          sum(np.array(part['confusion']) for part in parts))
    assert batch.report['mdice_lpcv'] == pytest.approx(
        sum(part['mdice_lpcv'] * part['n_scored'] for part in parts) / 8)
    assert [entry['bag'] for entry in batch.report['not_evaluated']] == [str(bags[2])]
    assert 'href="bags/good/report.html"' in (out / 'report.html').read_text()


def test_bags_of_one_name_do_not_share_a_folder(tmp_path):
    bags = [tmp_path / 'a' / 'flight', tmp_path / 'b' / 'flight.bag', tmp_path / 'flight']
    assert [Path(job.out).name for job in plan(bags, tmp_path, Settings(''))] == [
        'flight', 'flight_2', 'flight_3']


class CrashingEngine(ProcessEngine):
    """Kills the process of the first job."""

    def _start(self, job):
        connection, (process, job) = super()._start(job)
        if job.bag.endswith('good'):
            os.kill(process.pid, signal.SIGKILL)
        return connection, (process, job)


def test_a_crash_takes_no_other_bag_with_it(jobs):
    found = outcomes(CrashingEngine(2), jobs)
    assert found['good'].problems[0].text.endswith('its process ended with SIGKILL')
    assert found['missing'].problems[0].kind == 'unreadable'


def test_an_unforeseen_error_leaves_its_traceback_in_a_file(jobs, monkeypatch, tmp_path):
    monkeypatch.setattr('effvit_ros.evaluation.one_bag.evaluate_frames', lambda *_: 1 / 0)
    (outcome,) = InlineEngine().run(jobs[:1], lambda *_: None)
    assert 'ZeroDivisionError' in outcome.problems[0].text
    assert '\n' not in outcome.problems[0].text
    assert 'Traceback' in (tmp_path / 'out' / 'good' / 'failure.txt').read_text()


@pytest.mark.slow
def test_ctrl_c_leaves_what_is_finished(tiny_bundle, tmp_path):
    write_bag(tmp_path / 'bags' / 'a_short', count=3)
    write_bag(tmp_path / 'bags' / 'b_long', count=3000, make_truth=None)
    command = [sys.executable, '-m', 'effvit_ros.evaluation.evaluate_bag', str(tmp_path / 'bags'),
               '--bundle', str(tiny_bundle), '--out', str(tmp_path / 'out'), '--jobs', '1']
    process = subprocess.Popen(command, env=dict(os.environ, PYTHONPATH=str(ROOT)),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finished = tmp_path / 'out' / 'bags' / 'a_short' / 'report.json'
    unfinished = tmp_path / 'out' / 'bags' / 'b_long'
    deadline = time.monotonic() + 60
    while not (finished.exists() and list(unfinished.glob('.unfinished-*/frames.jsonl'))):
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert 'run the same command again' in err and 'Traceback' not in err
    assert json.loads((tmp_path / 'out' / 'report.json').read_text())['n_frames'] == 3
    assert list(unfinished.iterdir()) == []
    assert '3 frames, 3 of them with truth' in out


@pytest.mark.slow
def test_ray_gives_the_same(jobs, tmp_path):
    pytest.importorskip('ray', reason="Ray is not installed: pip install 'effvit_ros[ray]'")
    outcomes(InlineEngine(), jobs)
    frames = (tmp_path / 'out' / 'good' / 'frames.jsonl').read_bytes()
    found = outcomes(executors.RayEngine(), [job._replace(fresh=True) for job in jobs])
    assert found['good'].status == 'done' and found['missing'].status == 'failed'
    assert (tmp_path / 'out' / 'good' / 'frames.jsonl').read_bytes() == frames


def test_a_job_is_kept_only_while_nothing_changed(jobs, tmp_path):
    assert run_job(jobs[0]).status == 'done'
    assert run_job(jobs[0]).status == 'kept'
    bag = Path(jobs[0].bag)
    for file in bag.iterdir():
        file.unlink()
    bag.rmdir()
    write_bag(bag, make_truth=lambda index: truth(index + 1))
    for file in bag.iterdir():  # later by a second, however coarse the clock of the disk is
        os.utime(file, ns=(0, file.stat().st_mtime_ns + 10**9))
    assert run_job(jobs[0]).status == 'done'


def test_new_masks_are_a_reason_to_evaluate_anew(jobs, tmp_path):
    masks = write_masks(tmp_path / 'masks')
    job = jobs[0]._replace(settings=dataclasses.replace(jobs[0].settings, truth_dir=str(masks)))
    assert [run_job(job).status for _ in range(2)] == ['done', 'kept']
    first = load_report(job.out)[0]['bag']
    (masks / '000003.png').unlink()
    assert run_job(job).status == 'done'
    second = load_report(job.out)[0]['bag']
    assert (first['masks'], second['masks']) == (6, 5)
    assert first['masks_sha256'] != second['masks_sha256']
    assert first['sha256'] == second['sha256']


def test_reading_ahead_keeps_the_order_and_raises_what_was_raised():
    def items():
        yield from range(5)
        raise ValueError('broken')
    found = []
    with pytest.raises(ValueError, match='broken'):
        for item in read_ahead(items()):
            found.append(item)
    assert found == list(range(5))


def test_reading_ahead_is_bounded_and_ends_with_its_reader():
    made = []

    def items():
        for number in itertools.count():
            made.append(number)
            yield number
    before = threading.active_count()
    ahead = read_ahead(items(), depth=2)
    assert next(ahead) == 0
    time.sleep(0.05)
    # One taken, two waiting, one in the reader's hand.
    assert len(made) <= 4
    ahead.close()
    assert threading.active_count() == before
