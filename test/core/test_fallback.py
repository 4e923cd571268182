"""When running on the CPU is worth a warning."""
from __future__ import annotations

import pytest

from effvit_ros.core import machine
from effvit_ros.core.runtimes import why_fallback


@pytest.mark.parametrize('gpu, name, passed_over, expected', [
    pytest.param(False, 'openvino', [], '', id='a CPU box'),
    pytest.param(False, 'onnxruntime', ['openvino is not installed'], '',
                 id='a CPU box with one runtime'),
    pytest.param(False, 'openvino', ['tensorrt: no NVIDIA GPU in this machine'], '',
                 id='a CPU box with TensorRT installed'),
    pytest.param(True, 'tensorrt', [], '', id='a board with its engine'),
    pytest.param(True, 'tensorrt_rtx', ['tensorrt: no engine'], '',
                 id='a card with its engine'),
    pytest.param(True, 'onnxruntime', ['no engine in the cache', 'openvino is not installed'],
                 'onnxruntime runs instead of the GPU: no engine in the cache',
                 id='a board without an engine'),
    pytest.param(True, 'openvino', [], '', id='the operator chose the CPU'),
])
def test_a_fallback_is_one_from_a_gpu_that_is_there(
        monkeypatch, tmp_path, gpu, name, passed_over, expected):
    device = tmp_path / 'nvidia0'
    if gpu:
        device.touch()
    monkeypatch.setattr(machine, '_GPU_DEVICES', (str(device),))
    assert why_fallback(name, passed_over) == expected
