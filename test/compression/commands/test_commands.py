"""The commands info, data, profile and cross on real small inputs."""
from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import pytest
import torch
from tiny_bundle import write_lpcv_bundle

from effvit_compression.cli import main
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build
from effvit_compression.models.store import save_model
from effvit_compression.profiling.components import profile_network
from effvit_compression.profiling.latency import side_by_side
from effvit_ros.core.bundle import load_bundle


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """Return the folder of a small untrained network."""
    folder = tmp_path_factory.mktemp('checkpoint')
    torch.manual_seed(0)
    save_model(build(Architecture(encoder='mobilevit_xxs', decoder_channels=8)), folder)
    return folder


def test_the_command_starts_without_torch():
    # evaluate, cross and data work where only the runtimes are installed, and at once.
    program = 'import sys, effvit_compression.cli; print({"torch", "timm"} & set(sys.modules))'
    result = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                            check=True, timeout=60)
    assert result.stdout.strip() == 'set()'


def test_info_of_a_checkpoint_counts(checkpoint, capsys):
    assert main(['info', str(checkpoint), '--size', '64', '--json']) == 0
    known = json.loads(capsys.readouterr().out)
    assert known['heads'] == [4] * 9 and known['parameters'] > 9e5 and known['gmacs'] > 0
    assert len(known['classes']) == 14


def test_info_of_a_bundle_reads_its_manifest(tiny_bundle, capsys):
    assert main(['info', str(tiny_bundle), '--json']) == 0
    known = json.loads(capsys.readouterr().out)
    assert known['classes'] == ['background', 'red', 'green']
    assert known['precision'] == ['fp32/uint8'] and known['terms'] == 'for tests'


@pytest.mark.parametrize('size', ['0', '100', '8192'])
def test_sizes_that_no_network_takes_are_one_line(checkpoint, tmp_path, capsys, size):
    for arguments in (['info', str(checkpoint)], ['profile', str(checkpoint)],
                      ['export', str(checkpoint), '--out', str(tmp_path / 'new'), '--story', 's',
                       '--data', 'd.yaml']):
        assert main([*arguments, '--size', size]) == 2
        assert capsys.readouterr().err == (
            f'error: --size {size}: give a multiple of 32, up to 4096\n')


@pytest.mark.parametrize('error, line', [
    (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), 'error: No space left on device\n'),
    (PermissionError(errno.EACCES, os.strerror(errno.EACCES), '/a'),
     'error: /a: Permission denied\n'),
])
def test_what_the_system_refuses_is_one_line(tmp_path, capsys, monkeypatch, error, line):
    def fail(*_):
        raise error

    monkeypatch.setattr('effvit_compression.commands.info.resolve_model', fail)
    assert main(['info', str(tmp_path / 'none')]) == 2
    assert capsys.readouterr().err == line


def test_info_of_nothing_is_one_line(tmp_path, capsys):
    assert main(['info', str(tmp_path / 'none')]) == 2
    assert capsys.readouterr().err.startswith('error: ')


def test_data_prints_shares_and_fails_on_problems(dataset, capsys):
    assert main(['data', str(dataset)]) == 0
    assert 'flood/water/river/sea' in capsys.readouterr().out
    (dataset.parent / 'data/labels/val/d.png').unlink()
    assert main(['data', str(dataset)]) == 2
    captured = capsys.readouterr()
    assert 'd.jpg: no label' in captured.out and '1 problems' in captured.err


def test_the_profile_charges_every_component_once(checkpoint, capsys):
    assert main(['profile', str(checkpoint), '--size', '64', '--json']) == 0
    times = json.loads(capsys.readouterr().out)[str(checkpoint)]
    assert {'encoder stem', 'attention core', 'attention projections', 'mlp', 'decoder',
            'tail'} <= set(times)
    assert all(value > 0 for value in times.values())


def test_the_profile_leaves_no_hooks(checkpoint):
    net = build(Architecture(encoder='mobilevit_xxs', decoder_channels=8)).eval()
    profile_network(net, 64, rounds=1)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_a_bundles_graph_is_profiled_by_operator(tiny_bundle, capsys):
    assert main(['profile', '--operators', str(tiny_bundle)]) == 0
    assert 'ArgMax' in capsys.readouterr().out


def test_a_bundle_that_does_not_say_its_network_has_no_components(tiny_bundle, capsys):
    assert main(['profile', str(tiny_bundle)]) == 2
    assert 'holds no network' in capsys.readouterr().err


@pytest.fixture
def lpcv_bundle(tmp_path):
    """Return a bundle that claims LPCV's classes."""
    return write_lpcv_bundle(tmp_path / 'lpcv')


def test_cross_scores_each_dataset_and_says_whether_it_was_trained_on(
        dataset, lpcv_bundle, tmp_path, capsys):
    out = tmp_path / 'cross.json'
    assert main(['cross', str(dataset), '--bundle', str(lpcv_bundle), '--json', str(out)]) == 0
    report = json.loads(out.read_text())['tiny']
    assert report['n_images'] == 1 and report['trained_on'] is False
    assert '| tiny | 1 | no |' in capsys.readouterr().out


def test_cross_refuses_two_datasets_of_one_name(dataset, lpcv_bundle, capsys):
    assert main(['cross', str(dataset), str(dataset), '--bundle', str(lpcv_bundle)]) == 2
    assert capsys.readouterr().err.startswith('error: two datasets named tiny: ')


def test_cross_refuses_a_bundle_of_other_classes(tiny_bundle, dataset, capsys):
    assert main(['cross', str(dataset), '--bundle', str(tiny_bundle)]) == 2
    assert "'flood/water/river/sea' is not a class of tiny" in capsys.readouterr().err


def test_latencies_are_taken_in_turns(tiny_bundle):
    bundle = load_bundle(tiny_bundle)
    times = side_by_side({'a': bundle, 'b': bundle}, ['onnxruntime'], rounds=3)
    assert set(times) == {('a', 'onnxruntime'), ('b', 'onnxruntime')}
    assert all(value > 0 for value in times.values())
