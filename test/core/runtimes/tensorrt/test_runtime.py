"""The TensorRT runtime's whole path, on a stand-in that is strict about order and thread."""
from __future__ import annotations

import hashlib
import sys
import threading

import numpy as np
import pytest
from cpu_runtimes import INSTALLED
from tiny_bundle import tiny_labels

from effvit_ros.core.bundle import BundleError, load_bundle
from effvit_ros.core.engine_policy import EnginePolicy
from effvit_ros.core.runtime import RuntimeUnavailable
from effvit_ros.core.runtimes import open_runtime
from effvit_ros.core.runtimes.tensorrt.store import EngineError
from effvit_ros.core.segmenter import Segmenter

#: What `auto` takes without a GPU.
CPU = INSTALLED[0]

pytestmark = pytest.mark.usefixtures('gpu')


def picture(seed, height=64, width=96):
    """Return random pixels, RGB."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize('version', [
    pytest.param('8.2.1.8', id='8.2-bindings-float'),
    pytest.param('8.4.1', id='8.4-memory-pools', marks=pytest.mark.slow),
    pytest.param('8.5.2', id='8.5-tensors-float', marks=pytest.mark.slow),
    pytest.param('8.6.2', id='8.6-tensors-uint8'),
    pytest.param('10.3.0', id='10.3-strongly-typed'),
    pytest.param('11.3.0', id='11.3-nothing-else', marks=pytest.mark.slow),
])
def test_every_release_labels_as_the_graph_does(version, release, bundle_folder):
    release(version)
    with Segmenter(load_bundle(bundle_folder), 'tensorrt') as segmenter:
        for seed in range(3):
            labels = segmenter.segment(picture(seed), 'rgb').labels
            np.testing.assert_array_equal(labels, tiny_labels(picture(seed)))
        assert segmenter.runtime.description.startswith(f'TensorRT {version}, Orin (8.7), fp16')


@pytest.fixture
def rtx_card(monkeypatch):
    """Make the simulated GPU one that TensorRT for RTX compiles for."""
    monkeypatch.setenv('STAND_IN_GPU', 'NVIDIA RTX A2000')
    monkeypatch.setenv('STAND_IN_COMPUTE_CAPABILITY', '8.6')


@pytest.mark.usefixtures('rtx_card')
def test_the_library_for_rtx_runs_by_the_same_code(bundle_folder):
    with Segmenter(load_bundle(bundle_folder), 'tensorrt_rtx') as segmenter:
        labels = segmenter.segment(picture(0), 'rgb').labels
        np.testing.assert_array_equal(labels, tiny_labels(picture(0)))
        assert segmenter.runtime.description.startswith('TensorRT for RTX 1.7.1')


@pytest.mark.parametrize('library', ['tensorrt', 'tensorrt_rtx'])
@pytest.mark.usefixtures('rtx_card')
def test_an_engine_that_ends_at_scores_gives_the_same_labels(library, tmp_path):
    from engine_bundle import write_engine_bundle
    folder = write_engine_bundle(tmp_path / 'scoring', scores=True)
    with Segmenter(load_bundle(folder), library) as segmenter:
        result = segmenter.segment(picture(0), 'rgb')
        np.testing.assert_array_equal(result.labels, tiny_labels(picture(0)))
        assert result.scores.dtype == np.float32 and result.confidence().dtype == np.uint8


def test_a_gpu_that_the_library_for_rtx_does_not_know_is_named(bundle_folder, monkeypatch):
    monkeypatch.setenv('STAND_IN_COMPUTE_CAPABILITY', '9.0')
    with pytest.raises(EngineError, match='no compute capability 9.0: it compiles for 7.5, '):
        open_runtime(load_bundle(bundle_folder), 'tensorrt_rtx')


def test_it_can_be_opened_and_closed_many_times(gpu, bundle_folder):
    bundle = load_bundle(bundle_folder)
    for _ in range(5):
        runtime, _ = open_runtime(bundle, 'tensorrt')
        runtime.infer()
        runtime.close()
        assert gpu.leaks() == []
        runtime.close()


def test_labels_outlive_the_runtime(bundle_folder):
    with Segmenter(load_bundle(bundle_folder), 'tensorrt') as segmenter:
        labels = segmenter.segment(picture(0), 'rgb').labels
    np.testing.assert_array_equal(labels, tiny_labels(picture(0)))


def test_one_thread_after_another_may_own_it(bundle_folder):
    bundle, labels = load_bundle(bundle_folder), []

    def work():
        with Segmenter(bundle, 'tensorrt') as segmenter:
            labels.append(segmenter.segment(picture(1), 'rgb').labels.copy())

    for _ in range(2):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    for result in labels:
        np.testing.assert_array_equal(result, tiny_labels(picture(1)))
    assert len(labels) == 2


def test_another_thread_gets_a_sentence_instead_of_an_invalid_context(bundle_folder):
    runtime, _ = open_runtime(load_bundle(bundle_folder), 'tensorrt')
    errors = []

    def intrude():
        for call in (runtime.infer, runtime.close):
            try:
                call()
            except RuntimeError as error:
                errors.append(str(error))

    thread = threading.Thread(target=intrude, name='intruder')
    thread.start()
    thread.join()
    runtime.close()
    assert len(errors) == 2
    assert all('used on thread intruder: one thread makes' in error for error in errors)


@pytest.mark.parametrize('setting, value, message', [
    pytest.param('GPU_MB', '0', 'out of memory', id='no-memory-for-buffers'),
    pytest.param('EXECUTION', 'out of memory', 'no execution context', id='no-memory-to-execute'),
])
def test_a_gpu_without_room_is_one_line_and_leaves_nothing(
        setting, value, message, gpu, bundle_folder, monkeypatch):
    bundle = load_bundle(bundle_folder)
    open_runtime(bundle, 'tensorrt')[0].close()
    monkeypatch.setenv('STAND_IN_' + setting, value)
    with pytest.raises(EngineError, match=f'does not run on Orin.*{message}.*free memory') as e:
        open_runtime(bundle, 'tensorrt')
    assert '\n' not in str(e.value)
    assert gpu.leaks() == []


@pytest.mark.parametrize('name, missing, hint', [
    ('tensorrt', 'tensorrt', 'JetPack.*on a PC: pip install tensorrt'),
    ('tensorrt_rtx', 'tensorrt_rtx', 'pip install tensorrt-rtx-cu13'),
    ('tensorrt', 'pycuda', 'pycuda is not usable.*on a Jetson.*on a PC'),
])
def test_a_missing_library_is_named_with_the_way_to_get_it(
        name, missing, hint, bundle_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(RuntimeUnavailable, match=hint):
        open_runtime(load_bundle(bundle_folder), name)


@pytest.mark.parametrize('setting, value', [('DRIVER', 'no'), ('GPUS', '0')])
def test_a_missing_gpu_is_named(setting, value, bundle_folder, monkeypatch):
    monkeypatch.setenv('STAND_IN_' + setting, value)
    with pytest.raises(RuntimeUnavailable, match='no NVIDIA GPU'):
        open_runtime(load_bundle(bundle_folder), 'tensorrt')


def test_a_bundle_without_the_fp16_graph_is_named(tiny_bundle):
    with pytest.raises(BundleError, match='no fp16/uint8 graph'):
        open_runtime(load_bundle(tiny_bundle), 'tensorrt')


def test_an_engine_that_tensorrt_refuses_is_named(bundle_folder, tmp_path):
    """With a right hash, as an engine whose release lies about its version would have."""
    bundle = load_bundle(bundle_folder)
    open_runtime(bundle, 'tensorrt')[0].close()
    engine = next((tmp_path / 'cache').glob('*.engine'))
    sidecar = engine.with_name(engine.name + '.yaml')
    data = engine.read_bytes()
    text = sidecar.read_text().replace(hashlib.sha256(data).hexdigest(),
                                       hashlib.sha256(data[:-1]).hexdigest())
    engine.write_bytes(data[:-1])
    sidecar.write_text(text)
    with pytest.raises(EngineError,
                       match='cannot load it: .*truncated; delete it and build again'):
        open_runtime(bundle, 'tensorrt')


class TestAuto:
    """What ``auto`` takes, and what it says."""

    @pytest.fixture
    def has_gpu(self, monkeypatch, tmp_path):
        """Return a function that puts a GPU's device in place."""
        def put(present):
            device = tmp_path / 'nvidia0'
            if present:
                device.touch()
            monkeypatch.setattr('effvit_ros.core.machine._GPU_DEVICES', (str(device),))
        return put

    def test_tensorrt_where_it_works(self, has_gpu, bundle_folder):
        has_gpu(True)
        runtime, passed_over = open_runtime(load_bundle(bundle_folder))
        runtime.close()
        assert (runtime.name, passed_over) == ('tensorrt', [])

    def test_without_gpu_one_line_names_what_is_installed(self, has_gpu, bundle_folder):
        has_gpu(False)
        runtime, passed_over = open_runtime(load_bundle(bundle_folder))
        runtime.close()
        assert runtime.name == CPU
        assert passed_over == ['tensorrt, tensorrt_rtx: no NVIDIA GPU in this machine']

    def test_without_gpu_and_library_it_is_silent(self, has_gpu, bundle_folder, monkeypatch):
        has_gpu(False)
        for name in ('tensorrt', 'tensorrt_rtx'):
            monkeypatch.setitem(sys.modules, name, None)
        runtime, passed_over = open_runtime(load_bundle(bundle_folder))
        runtime.close()
        assert (runtime.name, passed_over) == (CPU, [])

    def test_without_an_engine_it_falls_back_and_says_why(self, has_gpu, bundle_folder):
        has_gpu(True)
        runtime, passed_over = open_runtime(
            load_bundle(bundle_folder), policy=EnginePolicy(build='never'))
        runtime.close()
        assert runtime.name == CPU
        assert len(passed_over) == 2
        assert 'no tensorrt engine of tiny' in passed_over[0]
