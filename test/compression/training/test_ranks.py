"""Several processes on one run: rank 0 writes, all learn the same, one line when it can't be."""
from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from effvit_compression import ranks
from effvit_compression.training.devices import by_environment, Devices, fabric_on
from effvit_ros.core.errors import UserError

#: Trains a linear network on the rank's own number and prints what every process ends with.
SCRIPT = Path(__file__).with_name('two_ranks.py')


def torchrun(*command):
    """Start two processes; return the Popen."""
    return subprocess.Popen(
        [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node=2',
         *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, 'OMP_NUM_THREADS': '1'})


@pytest.fixture
def recipe(dataset, tmp_path):
    """Return a recipe of seconds with a teacher, whose answers are kept."""
    training = {'iterations': 4, 'batch': 2, 'sizes': [[32, 1.0]], 'warmup': 2, 'ema': 0.5,
                'checkpoint_every': 1, 'log_every': 1}
    path = tmp_path / 'recipe.yaml'
    path.write_text(yaml.safe_dump({
        'name': 'two', 'size': 64, 'data': [{'dataset': str(dataset)}],
        'student': {'encoder': 'mobilevit_xxs', 'decoder_channels': 8},
        'teacher': {'architecture': {'encoder': 'mobilevit_xxs', 'decoder_channels': 8},
                    'pretrained': {'source': 'none'}, 'minimum_miou': 0, 'cache': True,
                    'training': training},
        'distill': {'training': training,
                    'distillation': {'features': 1.0, 'feature_levels': [3]}},
        'export': {'name': 'two'}}))
    return path


def test_one_process_asks_nobody():
    assert ranks.is_first() and not ranks.together()
    assert ranks.on_rank_zero(lambda: 7) == 7
    with pytest.raises(UserError, match='wrong'):
        ranks.refuse('wrong')


@pytest.mark.parametrize('environment, options, expected', [
    pytest.param({}, ('auto', '', 0), Devices(), id='nothing said: one device'),
    pytest.param({}, ('cpu', '3', 2), Devices('cpu', '3', 2), id='options'),
    pytest.param({'WORLD_SIZE': '8', 'LOCAL_WORLD_SIZE': '4'}, ('auto', '', 0),
                 Devices('auto', 4, 2), id='torchrun on two machines'),
    pytest.param({'WORLD_SIZE': '8', 'LOCAL_WORLD_SIZE': '4'}, ('cpu', '4', 2),
                 Devices('cpu', 4, 2), id='options that agree with it'),
])
def test_devices_come_from_the_options_or_torchrun(monkeypatch, environment, options, expected):
    monkeypatch.delenv('TORCHELASTIC_RUN_ID', raising=False)
    for name, value in environment.items():
        monkeypatch.setenv('TORCHELASTIC_RUN_ID', 'test')
        monkeypatch.setenv(name, value)
    assert by_environment(*options) == expected
    assert Devices('cpu', 'auto').per_node == 1
    assert not Devices().several and Devices('cpu', 1, 2).several


@pytest.mark.parametrize('options, complaint', [
    pytest.param(('auto', 'many', 0), '--devices many: give a number or auto', id='no number'),
    pytest.param(('auto', '0', 0), '--devices 0: give a number or auto', id='none'),
    pytest.param(('auto', '3', 0), '--devices 3: torchrun started 2', id='devices'),
    pytest.param(('auto', '', -1), '--nodes -1: give 1 or more', id='fewer than none'),
    pytest.param(('auto', '', 4), '--nodes 4: torchrun started 1', id='machines'),
])
def test_options_that_contradict_torchrun_are_refused(monkeypatch, options, complaint):
    for name, value in (('TORCHELASTIC_RUN_ID', 'test'), ('WORLD_SIZE', '2'),
                        ('LOCAL_WORLD_SIZE', '2')):
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=re.escape(complaint)):
        by_environment(*options)


@pytest.mark.parametrize('devices, precision, complaint', [
    pytest.param(Devices('cpu'), '16-mixed', '16-mixed needs a GPU', id='float16 on a CPU'),
    pytest.param(Devices('cuda'), '32-true', '--accelerator cuda --devices 1 --nodes 1: .*not',
                 marks=pytest.mark.skipif(torch.cuda.is_available(), reason='has a GPU'),
                 id='no GPU'),
])
def test_what_the_machine_does_not_have_is_one_line(devices, precision, complaint):
    with pytest.raises(UserError, match=complaint) as error:
        fabric_on(devices, precision)
    assert '\n' not in str(error.value)


@pytest.mark.slow
def test_two_processes_learn_from_different_crops_and_end_with_the_same_weights(
        dataset, tmp_path):
    process = torchrun(SCRIPT, dataset, tmp_path / 'out')
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    first, second = (json.loads((tmp_path / 'out' / f'rank{rank}.json').read_text())
                     for rank in (0, 1))
    assert first['crops'] != second['crops']
    assert first['student'] == second['student'] and first['average'] == second['average']
    assert first['step'] == pytest.approx(second['step'], abs=1e-7)
    assert first['step'] == pytest.approx((first['gradient'] + second['gradient']) / 2, rel=1e-4)
    assert first['told'] == second['told'] == 'by 0'
    assert [first['wrote'], second['wrote']] == [True, False]


def hashes(folder):
    """Return the hash of every network that a run left."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.glob('*/model.safetensors')}


@pytest.mark.long
def test_a_run_by_two_processes_ends_as_an_undisturbed_one_after_a_kill(recipe, tmp_path):
    def run(folder):
        return torchrun('-m', 'effvit_compression.cli', 'run', recipe, '--out', tmp_path / folder,
                        '--accelerator', 'cpu')

    whole = run('whole')
    output, errors = whole.communicate(timeout=900)
    assert whole.returncode == 0, errors
    for line in ('teacher: start', 'export: start', f'finished: {tmp_path / "whole"}'):
        assert output.count(line) == 1
    assert (tmp_path / 'whole' / 'export' / 'two' / 'manifest.yaml').exists()

    killed = run('killed')
    wait_for(tmp_path / 'killed' / 'distill' / 'last.ckpt', killed)
    kill(killed)
    resumed = run('killed')
    wait_for(tmp_path / 'killed' / 'distill' / 'result.json', resumed)
    output = kill(resumed)
    assert 'teacher: finished before, nothing changed' in output
    assert len(hashes(tmp_path / 'whole')) == 2
    assert hashes(tmp_path / 'killed') == hashes(tmp_path / 'whole')


def kill(process):
    """Kill torchrun and its workers, each of which has a session of its own; return the output."""
    workers = Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
    for pid in (process.pid, *map(int, workers)):
        os.kill(pid, signal.SIGKILL)
    return process.communicate()[0]


def wait_for(path, process):
    """Wait until the process has written a file."""
    end = time.monotonic() + 600
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f'{path} did not come'
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize('options, complaint', [
    pytest.param(['--devices', '3'], 'error: --devices 3: torchrun started 2', id='before'),
    pytest.param(['--stage', 'distill'], 'error: stage distill: data comes before it', id='after'),
])
def test_a_mistake_is_told_by_one_process(recipe, tmp_path, options, complaint):
    process = torchrun('-m', 'effvit_compression.cli', 'run', recipe, '--out', tmp_path / 'out',
                       '--accelerator', 'cpu', *options)
    _, errors = process.communicate(timeout=600)
    assert process.returncode != 0
    assert errors.count(complaint) == 1
    assert 'cli.py' not in errors  # no traceback of ours
