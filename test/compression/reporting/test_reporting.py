"""The report's one table: what every stage scores, and what its graph costs where it runs."""
from __future__ import annotations

from pathlib import Path

import pytest

from effvit_compression.profiling.peak_memory import peak_memory
from effvit_compression.reporting.costs import costs
from effvit_compression.reporting.page import page
from effvit_compression.reporting.tables import columns, int8_row, markdown
from effvit_ros.core.bundle import load_bundle

ROWS = [{'stage': 'teacher', 'mIoU a': 0.5}, {'stage': 'prune', 'mIoU a': None, 'x, ms': 1.25}]


def test_a_column_may_be_missing_in_the_first_row():
    assert columns(ROWS) == ['stage', 'mIoU a', 'x, ms']
    assert markdown(ROWS).splitlines()[2:] == ['| teacher | 0.500 | - |', '| prune | - | 1.250 |']
    assert '<td>teacher</td><td>0.500</td><td>-</td>' in page('t', [('h', ROWS)])


def test_the_row_of_int8_has_the_scores_of_its_price():
    price = {'scores': [{'data': 'a/val', 'miou_fp32': 0.5, 'miou_int8': 0.25}]}
    assert int8_row('distill', price, ['a', 'b']) == {
        'stage': 'distill in INT8', 'mIoU a': 0.25, 'mIoU b': None}


def test_costs_are_told_by_runtime(tiny_bundle):
    pytest.importorskip('onnxruntime')
    found = costs({'tiny': load_bundle(tiny_bundle)})['tiny']
    assert found['file, MB'] == (tiny_bundle / 'model.onnx').stat().st_size / 1e6
    assert {'onnxruntime, ms', 'onnxruntime, peak MB'} <= set(found)
    assert all(value > 0 for value in found.values())


def test_peak_memory_is_that_of_the_graphs_process_not_of_the_one_that_asks(tiny_bundle):
    pytest.importorskip('onnxruntime')
    status = Path('/proc/self/status').read_text()
    own = int(status.split('VmHWM:')[1].split()[0]) / 1024
    assert 10 < peak_memory(load_bundle(tiny_bundle), 'onnxruntime') < own
