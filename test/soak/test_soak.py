"""A short soak for real: camera, segmenter and subscriber as processes over DDS."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('rich', reason="needs the extra 'demo'")
pytest.importorskip('matplotlib', reason="needs the extra 'bags'")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def start(tmp_path, tiny_bundle):
    """Start a soak of so many minutes in an empty folder."""
    processes = []

    def start(minutes, *options):
        processes.append(subprocess.Popen(
            [sys.executable, '-m', 'effvit_ros.soak', '--minutes', str(minutes), '--rate', '10',
             '--model', str(tiny_bundle), *options], cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, 'PYTHONPATH': str(ROOT)}))
        return processes[-1]
    yield start
    for process in processes:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)


@pytest.mark.slow
def test_a_short_soak_fills_the_report(start, tmp_path):
    process = start(0.15)
    out, err = process.communicate(timeout=180)
    folder = tmp_path / 'out' / 'soak'
    assert process.returncode in (0, 1), err  # ages of nine seconds prove nothing
    report = json.loads((folder / 'report.json').read_text())
    assert report['finished'] and report['errors'] == 0, report
    assert report['frames_segmented'] > 20
    assert report['p95_age_first_ms'] > 0 and report['p95_age_last_ms'] > 0
    assert report['fd_growth'] == 0 and abs(report['rss_growth_mb']) < 50
    assert len((folder / 'samples.csv').read_text().splitlines()) > 5
    assert (folder / 'soak.png').read_bytes().startswith(b'\x89PNG')
    assert 'memory growth of the segmenter' in (folder / 'report.md').read_text()
    assert 'data:image/png;base64' in (folder / 'report.html').read_text()
    assert 'errors: 0 (0: met)' in out


@pytest.mark.slow
def test_an_interrupted_soak_writes_what_it_has(start, tmp_path):
    process = start(10)
    # The first line about a sample; the run ends at once should the process end before.
    assert any(' min | RSS ' in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    report = json.loads((tmp_path / 'out' / 'soak' / 'report.json').read_text())
    assert not report['finished'] and report['duration_s'] < 120


def test_a_model_that_is_not_there_is_one_line(tmp_path):
    result = subprocess.run(
        [sys.executable, '-m', 'effvit_ros.soak', '--model', '/no/such/folder'], cwd=tmp_path,
        capture_output=True, text=True, timeout=60, env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert result.returncode == 2
    assert result.stderr.startswith("error: model '/no/such/folder'")
    assert result.stderr.count('\n') == 1
