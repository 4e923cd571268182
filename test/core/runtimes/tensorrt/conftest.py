"""A simulated GPU for every test here, which must leave it as it found it."""
from __future__ import annotations

import gc
import importlib
import os
import sys
from pathlib import Path

import pytest

STAND_IN = Path(__file__).parent / 'stand_in'
sys.path.insert(0, str(Path(__file__).parent))

_MODULES = ('tensorrt', 'tensorrt_rtx', 'pycuda', 'simulated_gpu', 'simulated_tensorrt')


def _forget_modules():
    for name in list(sys.modules):
        if name.split('.')[0] in _MODULES:
            del sys.modules[name]


@pytest.fixture
def gpu(monkeypatch, tmp_path):
    """
    Put the stand-ins in place of TensorRT and pycuda, here and in child processes.

    Yields the module ``simulated_gpu``. Afterwards nothing may live on the GPU and nothing may
    have been misused.
    """
    _forget_modules()
    monkeypatch.syspath_prepend(str(STAND_IN))
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(
        [str(STAND_IN), os.environ.get('PYTHONPATH', '')]))
    monkeypatch.setenv('EFFVIT_ENGINE_CACHE', str(tmp_path / 'cache'))
    simulated = importlib.import_module('simulated_gpu')
    yield simulated
    gc.collect()
    violations, leaks, left = simulated.violations, simulated.leaks(), simulated.stack()
    _forget_modules()
    assert violations == []
    assert leaks == [], 'close() was forgotten or is not complete'
    assert left == [], 'a CUDA context was left on the thread'


@pytest.fixture
def release(monkeypatch):
    """Return a function that chooses the release of TensorRT; before the library is used."""
    def choose(version):
        monkeypatch.setenv('STAND_IN_TENSORRT', version)
        sys.modules.pop('tensorrt', None)
    return choose


@pytest.fixture
def bundle_folder(tmp_path):
    """Return the folder of a bundle that a test may change."""
    pytest.importorskip('onnx', reason='needs onnx, which is not installed')
    from engine_bundle import write_engine_bundle
    return write_engine_bundle(tmp_path / 'bundle')
