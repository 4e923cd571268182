"""The benchmark: its arithmetic, and a short run for real."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cpu_runtimes import INSTALLED

pytest.importorskip('rich', reason="needs the extra 'demo'")

from effvit_ros.bench.overhead import Cost, Overhead  # noqa: E402
from effvit_ros.bench.report import check_targets, overhead_row, target_line  # noqa: E402
from effvit_ros.harness.timing import repeat, times_of  # noqa: E402


def row(size, fps=20.0, age_p95_ms=100.0, overhead_ms=5.0):
    """Return one resolution of the report."""
    return {'size': size, 'fps': fps, 'age_p95_ms': age_p95_ms, 'overhead_ms': overhead_ms}


def test_times_are_a_median_and_a_percentile():
    # 1..101: the median is 51, 95 % of the way from 1 to 101 is 96.
    assert times_of(list(range(1, 102))) == (51, 96, 101)


def test_repeat_calls_at_least_once_and_gives_milliseconds():
    taken = repeat(lambda: time.sleep(0.02), 0.0)
    assert len(taken) == 1 and taken[0] >= 20


@pytest.mark.parametrize('node, met', [
    pytest.param([row('512x512'), row('1280x720')], [True, True, True], id='all-met'),
    pytest.param([row('512x512', fps=9.9)], [False, True], id='too-slow'),
    pytest.param([row('512x512', age_p95_ms=250.0)], [True, True], id='limit-is-met'),
    pytest.param([row('1280x720', overhead_ms=15.1)], [False], id='overhead'),
    pytest.param([row('640x480')], [], id='not-measured'),
])
def test_targets(node, met):
    assert [target['met'] for target in check_targets(node)] == met


def test_a_missed_target_says_so():
    line = target_line(check_targets([row('512x512', fps=8.0)])[0])
    assert '8.0 (at least 10: MISSED)' in line


@pytest.mark.parametrize('node, added, met', [
    # 23 ms beside 20 ms of the runtime's own.
    pytest.param(Cost(23.0, 310.0), (15.0, 110.0), [True, True], id='limits-are-met'),
    pytest.param(Cost(24.0, 311.0), (20.0, 111.0), [False, False], id='too-much'),
    pytest.param(Cost(20.0, 200.0), (0.0, 0.0), [True, True], id='nothing'),
])
def test_what_the_node_adds_to_the_bare_runtime(node, added, met):
    row = overhead_row(Overhead(640, 480, 5.0, Cost(20.0, 200.0), node))
    assert (row['cpu_added_percent'], row['rss_added_mb']) == pytest.approx(added)
    assert [target['met'] for target in check_targets([], row)] == met


@pytest.mark.slow
def test_a_short_benchmark_fills_all_tables(tmp_path, tiny_bundle):
    result = subprocess.run(
        [sys.executable, '-m', 'effvit_ros.bench', '--model', str(tiny_bundle), '--seconds', '1',
         '--sizes', '512x512'], cwd=tmp_path, capture_output=True, text=True, timeout=600,
        env={**os.environ, 'PYTHONPATH': str(Path(__file__).parents[2])})
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / 'out' / 'bench' / 'report.json').read_text())
    assert {r['name'] for r in report['runtimes']} == set(INSTALLED)
    assert report['core'][0]['total']['p50_ms'] > 0
    node = report['node'][0]
    assert node['fps'] > 0 and node['age_p95_ms'] >= node['age_p50_ms'] > 0
    assert 0 < node['segmenter_cpu'] < 64 and node['camera_cpu'] > 0
    overhead = report['overhead']
    assert overhead['node']['cpu_ms'] > 0 and overhead['bare']['rss_mb'] > 30
    assert overhead['rss_added_mb'] == pytest.approx(
        overhead['node']['rss_mb'] - overhead['bare']['rss_mb'])
    assert len(report['targets']) == 4
