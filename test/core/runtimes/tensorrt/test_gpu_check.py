"""The GPU checklist: every row measured or its reason said, in a report and a table."""
from __future__ import annotations

import json

import pytest

from effvit_ros.gpu_check import measure
from effvit_ros.gpu_check.command import as_table, main, ROWS

pytestmark = pytest.mark.usefixtures('gpu')


@pytest.fixture
def has_gpu(monkeypatch, tmp_path):
    """Put a GPU's device in place."""
    (tmp_path / 'nvidia0').touch()
    monkeypatch.setattr('effvit_ros.core.machine._GPU_DEVICES', (str(tmp_path / 'nvidia0'),))


def test_rows_are_measured_or_say_why_not(has_gpu, bundle_folder, tmp_path, monkeypatch):
    monkeypatch.delitem(ROWS, 'torch')
    assert main(['--bundle', str(bundle_folder), '--out', str(tmp_path / 'out')]) == 0
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    row = report['rows']['tensorrt']
    assert row['status'] == 'measured'
    assert row['engine_ms'] == {'p50_ms': 1.0, 'p95_ms': 1.0, 'count': measure.RUNS}
    assert row['parity']['agreement'] == 1.0
    assert row['infer_ms']['p50_ms'] > 0 and row['core_ms']['p50_ms'] > 0
    # The simulated GPU is an Orin, which TensorRT for RTX does not know.
    assert 'no compute capability 8.7' in report['rows']['tensorrt_rtx']['status']
    table = (tmp_path / 'out' / 'report.md').read_text()
    assert '| TensorRT 10.3.0, Orin (8.7), fp16' in table and '1.00 / 1.00 ms' in table
    assert '- tensorrt_rtx did not run: error: ' in table


def test_without_a_gpu_nothing_is_claimed(monkeypatch, bundle_folder, tmp_path):
    monkeypatch.setattr('effvit_ros.core.machine._GPU_DEVICES', ())
    assert main(['--bundle', str(bundle_folder), '--out', str(tmp_path / 'out')]) == 1
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    assert {row['status'] for row in report['rows'].values()} == {'no NVIDIA GPU in this machine'}


@pytest.mark.slow
def test_torch_without_cuda_is_said(has_gpu, bundle_folder, tmp_path, monkeypatch):
    torch = pytest.importorskip('torch', reason='compression is not installed: make setup-train')
    if torch.cuda.is_available():
        pytest.skip('there is a GPU')
    for name in ('tensorrt', 'tensorrt_rtx'):
        monkeypatch.delitem(ROWS, name)
    assert main(['--bundle', str(bundle_folder), '--out', str(tmp_path / 'out')]) == 1
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    assert 'finds no CUDA' in report['rows']['torch']['status']


def test_rows_with_parts_have_a_line_each():
    times = {'p50_ms': 2.0, 'p95_ms': 3.0, 'count': 9}
    parts = [{'description': f'torch FP16 {mode}', 'engine_ms': times}
             for mode in ('eager', 'compiled')]
    table = as_table({'gpus': ['H200'], 'machine': {'cpu': 'x'}, 'bundle': 'b',
                      'date': '2026-11-22T00:00:00Z',
                      'rows': {'torch': {'status': 'measured', 'parts': parts}}})
    assert '| torch FP16 eager | 2.00 / 3.00 ms |' in table
    assert '| torch FP16 compiled | 2.00 / 3.00 ms |' in table
