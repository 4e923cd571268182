"""Builds in their child process: what the builder is told, and every way to fail."""
from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from effvit_ros.core.bundle import BundleError, load_bundle
from effvit_ros.core.engine_policy import EnginePolicy
from effvit_ros.core.errors import UserError
from effvit_ros.core.runtimes import open_runtime
from effvit_ros.core.runtimes.tensorrt import building
from effvit_ros.core.runtimes.tensorrt.build_job import BuildJob
from effvit_ros.core.runtimes.tensorrt.building import run_build
from effvit_ros.core.runtimes.tensorrt.store import EngineError

pytestmark = pytest.mark.usefixtures('gpu')


@pytest.fixture
def job(bundle_folder, tmp_path):
    """Return the job of a bundle's engine."""
    return BuildJob(bundle=str(bundle_folder), runtime='tensorrt', out=f'{tmp_path}/out/',
                    timing=str(tmp_path / 'out'), workspace_mb=64)


def facts_of(path):
    """Return what the simulated builder was told."""
    from simulated_tensorrt import engine_facts
    return engine_facts(Path(path).read_bytes())


@pytest.mark.parametrize('version, flags, fp32_layers', [
    ('8.2.1.8', ['FP16', 'OBEY_PRECISION_CONSTRAINTS'], ['Softmax']),
    pytest.param('8.6.2', ['FP16', 'OBEY_PRECISION_CONSTRAINTS'], ['Softmax'],
                 marks=pytest.mark.slow),
    ('10.3.0', [], []),
    pytest.param('11.3.0', [], [], marks=pytest.mark.slow),
])
def test_fp16_is_asked_for_in_the_way_of_each_release(version, flags, fp32_layers, release, job):
    release(version)
    facts = facts_of(run_build(job))
    assert facts['flags'] == flags
    assert facts['fp32_layers'] == fp32_layers
    assert facts['workspace'] == 64 << 20


def test_the_engine_its_sidecar_and_the_timing_cache_are_all_that_is_left(job, tmp_path):
    path = run_build(job)
    names = sorted(p.name for p in (tmp_path / 'out').iterdir())
    assert names == sorted(['tensorrt_10.3.0_Orin_8.7.timing', path.name, f'{path.name}.yaml'])
    build = yaml.safe_load(Path(f'{path}.yaml').read_text())['build']
    assert build['workspace_mb'] == 64 and build['seconds'] >= 0


@pytest.mark.slow
def test_the_timing_cache_of_another_gpu_is_replaced(job, tmp_path):
    (tmp_path / 'out').mkdir()
    timing = tmp_path / 'out' / 'tensorrt_10.3.0_Orin_8.7.timing'
    timing.write_bytes(b'of something else')
    run_build(job)
    assert b'Orin' in timing.read_bytes()


@pytest.mark.parametrize('fault, message', [
    ('killed', 'was killed during "starting" .* most likely for want of memory: free memory .*'
               'add swap, lower --workspace-mb'),
    ('out of memory', 'ran out of memory: .*built no engine: .*OutOfMemory.*add swap'),
    pytest.param('crash', 'crashed with SIGSEGV', marks=pytest.mark.slow),
])
def test_a_failing_build_is_one_line_and_leaves_nothing(
        fault, message, job, monkeypatch, tmp_path):
    monkeypatch.setenv('STAND_IN_BUILD', fault)
    with pytest.raises(EngineError, match=message) as error:
        run_build(job)
    assert '\n' not in str(error.value)
    assert not list(tmp_path.glob('out/*'))


def test_little_memory_is_said_before_the_build(job, monkeypatch):
    monkeypatch.setattr(building, 'free_memory_mb', lambda: 700)
    lines = []
    run_build(job, lines.append)
    assert lines[0].startswith('only 700 MB of memory are free, so the build may be killed')


@pytest.mark.slow
def test_progress_comes_while_it_lasts(job, monkeypatch):
    monkeypatch.setattr(building, 'PROGRESS_PERIOD_S', 0.2)
    monkeypatch.setenv('STAND_IN_BUILD', 'slow 0.6')
    lines = []
    run_build(job, lines.append)
    assert len(lines) >= 2
    assert all(line.startswith('building the tensorrt engine: ') for line in lines)


def test_a_build_can_be_cancelled_at_once(job, monkeypatch, tmp_path):
    monkeypatch.setenv('STAND_IN_BUILD', 'slow 60')
    started = time.monotonic()
    with pytest.raises(EngineError, match='was asked to end'):
        run_build(job, cancelled=lambda: time.monotonic() - started > 0.5)
    assert time.monotonic() - started < 10
    assert not list(tmp_path.glob('out/*'))


def test_a_good_engine_passes_the_check(job):
    path = run_build(replace(job, check=True))
    parity = yaml.safe_load(Path(f'{path}.yaml').read_text())['build']['parity']
    assert parity['pictures'] == 4
    assert parity['agreement'] >= 0.99


def test_a_bad_engine_is_refused_and_not_written(job, monkeypatch, tmp_path):
    monkeypatch.setenv('STAND_IN_EXECUTION', 'wrong')
    with pytest.raises(EngineError, match=r'is refused: .* of the worst picture labelled as'):
        run_build(replace(job, check=True))
    assert not list(tmp_path.glob('out/*'))


class TestFirstAndLaterStarts:
    """What the runtime does about its engine."""

    @pytest.fixture
    def bundle(self, bundle_folder):
        """Return the loaded bundle."""
        return load_bundle(bundle_folder)

    def start(self, bundle, **policy):
        """Open and close the runtime; returns the lines of progress."""
        lines = []
        open_runtime(bundle, 'tensorrt', policy=EnginePolicy(progress=lines.append, **policy)
                     )[0].close()
        return lines

    def test_the_first_start_builds_and_the_second_does_not(self, bundle):
        first = self.start(bundle)
        assert 'no tensorrt engine of tiny in' in first[0] and first[-1].startswith('built ')
        assert self.start(bundle) == []

    @pytest.mark.parametrize('setting, value, phrase', [
        ('TENSORRT', '10.7.0', 'another version 10.3.0 (here: 10.7.0)'),
        pytest.param('GPU', 'Orin Nano', 'another gpu Orin (here: Orin Nano)',
                     marks=pytest.mark.slow),
    ])
    def test_another_place_builds_anew_and_says_which_key_differs(
            self, setting, value, phrase, bundle, monkeypatch):
        self.start(bundle)
        monkeypatch.setenv('STAND_IN_' + setting, value)
        sys.modules.pop('tensorrt', None)
        assert phrase in self.start(bundle)[0]
        assert self.start(bundle) == []

    def test_a_damaged_engine_is_said_and_replaced(self, bundle, tmp_path):
        self.start(bundle)
        engine = next((tmp_path / 'cache').glob('*.engine'))
        engine.write_bytes(engine.read_bytes()[:100])
        assert 'refused: its sha256 is' in self.start(bundle)[0]
        assert self.start(bundle) == []

    def test_never_refuses_and_names_the_command(self, bundle):
        with pytest.raises(EngineError, match='no tensorrt engine of tiny in .*; engine_build is '
                           'never: run build_engine --bundle .* --runtime tensorrt or set'):
            self.start(bundle, build='never')

    @pytest.mark.slow
    def test_never_refuses_a_damaged_engine(self, bundle, tmp_path):
        self.start(bundle)
        next((tmp_path / 'cache').glob('*.engine')).write_bytes(b'')
        with pytest.raises(EngineError, match='refused: its sha256 is .* engine_build is never'):
            self.start(bundle, build='never')

    def test_a_folder_that_cannot_be_written_is_said_before_the_build(
            self, bundle, monkeypatch, tmp_path):
        (tmp_path / 'file').touch()
        monkeypatch.setenv('EFFVIT_ENGINE_CACHE', str(tmp_path / 'file' / 'cache'))
        with pytest.raises(EngineError, match='cannot be kept there .*EFFVIT_ENGINE_CACHE'):
            self.start(bundle)

    def test_a_graph_that_was_altered_by_one_byte_is_not_even_built(self, bundle):
        graph = bundle.graph('fp16').path
        data = bytearray(graph.read_bytes())
        data[-1] ^= 1
        graph.write_bytes(data)
        with pytest.raises(BundleError, match='sha256 is .*the manifest says'):
            load_bundle(bundle.path)

    def test_an_unknown_policy_lists_the_known_ones(self):
        with pytest.raises(UserError, match="engine_build is 'always': give one of auto, never"):
            EnginePolicy(build='always')
