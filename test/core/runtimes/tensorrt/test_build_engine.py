"""The command build_engine: bundle in, engine out, one line for every mistake."""
from __future__ import annotations

import sys

import pytest
import yaml

from effvit_ros.core.bundle import load_bundle, sha256_of
from effvit_ros.core.install_paths import models_directory
from effvit_ros.core.runtimes.tensorrt.build_engine import main


def run(capsys, *args):
    """Return (exit code, stdout, stderr) of the command."""
    code = main([str(arg) for arg in args])
    captured = capsys.readouterr()
    return code, captured.out.strip(), captured.err.strip()


class TestOnASimulatedGpu:
    """What the command does, whatever the library."""

    pytestmark = pytest.mark.usefixtures('gpu')

    @pytest.mark.parametrize('out, made', [
        ('', 'cache/tiny_fp16_tensorrt10.3.0_Orin_'),
        ('folder', 'folder/tiny_fp16_tensorrt10.3.0_Orin_'),
        pytest.param('some/name.engine', 'some/name.engine', marks=pytest.mark.slow)])
    def test_the_engine_is_where_it_was_asked_for(
            self, out, made, bundle_folder, tmp_path, capsys):
        args = ('--out', tmp_path / out) if out else ()
        code, path, _ = run(capsys, '--bundle', bundle_folder, *args)
        assert code == 0
        assert path.startswith(f'{tmp_path}/{made}')
        assert yaml.safe_load(open(path + '.yaml'))['key']['gpu'] == 'Orin'

    def test_pictures_are_checked_on(self, bundle_folder, tmp_path, capsys):
        import cv2
        import numpy as np
        picture = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
        cv2.imwrite(str(tmp_path / 'a.png'), picture)
        code, path, _ = run(capsys, '--bundle', bundle_folder, '--pictures', tmp_path)
        assert code == 0
        assert yaml.safe_load(open(path + '.yaml'))['build']['parity']['pictures'] == 1

    def test_rtx_cards_can_be_chosen(self, bundle_folder, capsys):
        code, path, _ = run(capsys, '--bundle', bundle_folder, '--runtime', 'tensorrt-rtx',
                            '--compute-capabilities', '8.6, 8.9')
        assert code == 0
        assert yaml.safe_load(open(path + '.yaml'))['key']['compute_capability'] == '8.6 8.9'

    @pytest.mark.parametrize('args, message', [
        (('--out', 'x.trt'), "--out 'x.trt': give a name ending in .engine, or a folder"),
        (('--out', '/proc/nowhere/'), '/proc/nowhere: engines cannot be kept there'),
        (('--compute-capabilities', '8.6'), '--compute-capabilities is for tensorrt-rtx'),
        (('--runtime', 'tensorrt-rtx', '--compute-capabilities', '9.0'),
         "--compute-capabilities '9.0': tensorrt_rtx 1.7.1 compiles for 7.5, 8.0, 8.6, 8.9, 12.0"),
        (('--runtime', 'tensorrt-rtx', '--compute-capabilities', '8.6', '--check'),
         '--check runs the engine, so it needs the GPU'),
        (('--pictures', '/proc/self/fdinfo'), '/proc/self/fdinfo: no picture in it'),
        (('--bundle', '/nowhere'), "model '/nowhere': no such folder"),
    ])
    def test_a_mistake_is_one_line(self, args, message, bundle_folder, capsys):
        code, out, err = run(capsys, '--bundle', bundle_folder, *args)
        assert (code, out) == (2, '')
        assert err.startswith('error: ' + message) and '\n' not in err

    def test_a_missing_library_is_one_line(self, bundle_folder, capsys, monkeypatch):
        monkeypatch.setitem(sys.modules, 'tensorrt', None)
        code, _, err = run(capsys, '--bundle', bundle_folder)
        assert code == 2 and err.startswith('error: tensorrt is not installed')


SHIPPED = sorted(p.parent for p in models_directory().glob('*/manifest.yaml'))


class TestWithTheRealLibrary:
    """TensorRT for RTX parses and compiles without a GPU."""

    @pytest.fixture(autouse=True)
    def library(self):
        """Skip where the wheel is not installed."""
        return pytest.importorskip(
            'tensorrt_rtx', reason='tensorrt-rtx-cu13 is not installed: make setup-rtx')

    def build(self, folder, tmp_path, capsys):
        """Build for one kind of GPU; returns the sidecar."""
        code, path, err = run(
            capsys, '--bundle', folder, '--runtime', 'tensorrt-rtx', '--out', tmp_path / 'out',
            '--compute-capabilities', '8.6')
        assert code == 0, err
        names = sorted(p.name for p in (tmp_path / 'out').iterdir())
        assert len(names) == 2 and names[1] == names[0] + '.yaml'
        return yaml.safe_load(open(path + '.yaml'))

    def test_the_tests_fp16_graph_compiles(self, bundle_folder, tmp_path, capsys):
        sidecar = self.build(bundle_folder, tmp_path, capsys)
        assert sidecar['key']['runtime'] == 'tensorrt_rtx'
        assert sidecar['engine']['bytes'] > 10_000

    @pytest.mark.parametrize('folder', SHIPPED, ids=lambda path: path.name)
    def test_every_shipped_bundles_fp16_graph_compiles(self, folder, tmp_path, capsys):
        sidecar = self.build(folder, tmp_path, capsys)
        graph = load_bundle(folder).graph('fp16')
        assert sidecar['key']['graph_sha256'] == graph.sha256

    def test_a_graph_that_it_cannot_read_is_one_line(self, bundle_folder, tmp_path, capsys):
        graph = bundle_folder / 'fp16_uint8.onnx'
        manifest = (bundle_folder / 'manifest.yaml')
        text, before = manifest.read_text(), sha256_of(graph)
        graph.write_bytes(b'no graph')
        manifest.write_text(text.replace(before, sha256_of(graph)))
        code, _, err = run(capsys, '--bundle', bundle_folder, '--runtime', 'tensorrt-rtx',
                           '--compute-capabilities', '8.6', '--out', tmp_path / 'out')
        assert code == 2
        assert 'cannot read it' in err.splitlines()[-1]
        assert not list((tmp_path / 'out').glob('*'))

    def test_an_engine_cannot_be_loaded_without_a_driver_and_says_so(self, library, tmp_path):
        if library.__version__ < '1.7':
            pytest.skip('not tried')
        from effvit_ros.core.machine import has_nvidia_gpu
        from effvit_ros.core.runtimes.tensorrt.library import Library
        if has_nvidia_gpu():
            pytest.skip('there is a GPU')
        real = Library('tensorrt_rtx')
        runtime = library.Runtime(real.logger)
        assert runtime.deserialize_cuda_engine(b'nothing' * 100) is None
        assert real.last_error()

    @pytest.mark.parametrize('owner, names', [
        ('ICudaEngine', ['num_io_tensors', 'get_tensor_name', 'get_tensor_shape',
                         'get_tensor_dtype', 'get_tensor_mode', 'create_execution_context']),
        ('IExecutionContext', ['set_tensor_address', 'execute_async_v3']),
        ('Builder', ['create_network', 'create_builder_config', 'build_serialized_network']),
        ('IBuilderConfig', ['set_memory_pool_limit', 'set_compute_capability',
                            'num_compute_capabilities', 'progress_monitor', 'set_timing_cache',
                            'create_timing_cache']),
        ('Runtime', ['deserialize_cuda_engine']),
        ('OnnxParser', ['parse', 'num_errors', 'get_error']),
    ])
    def test_the_stand_in_has_the_names_of_the_real_library(self, library, owner, names):
        assert not [name for name in names if not hasattr(getattr(library, owner), name)]
        assert not hasattr(library.BuilderFlag, 'FP16')
        assert not hasattr(library.ICudaEngine, 'num_bindings')
        assert not hasattr(library.IExecutionContext, 'execute_async_v2')
