"""The report's one table: what every stage scores, and what its graph costs where it runs."""
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from effvit_compression.profiling.peak_memory import peak_memory
from effvit_compression.reporting.costs import costs
from effvit_compression.reporting.tables import int8_row
from effvit_compression.stages.report import stage_scores
from effvit_ros.core.bundle import load_bundle


def test_the_row_of_int8_has_the_scores_of_its_price():
    price = {'scores': [{'data': 'a/val', 'miou_fp32': 0.5, 'miou_int8': 0.25}]}
    assert int8_row('distill', price, ['a', 'b']) == {
        'stage': 'distill in INT8', 'mIoU a': 0.25, 'mIoU b': None}


def test_what_teachers_say_is_no_stage_of_the_student():
    scores = {'a': {'miou': 0.5}}
    results = {'teachers': {'scores': {'their_name': scores}}, 'distill': {'scores': scores},
               'quantize': {'graphs': []}}
    assert stage_scores(SimpleNamespace(results=results)) == [scores]


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
