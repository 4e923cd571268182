"""The demo as a user runs it: real processes, real DDS, a tiny real bundle."""
from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
from tiny_bundle import write_manifest

pytest.importorskip('rclpy', reason='needs ROS 2')

KEYS = ('fps', 'latency_p50_ms', 'latency_p95_ms', 'frames_published', 'frames_segmented',
        'frames_dropped', 'miou', 'runtime', 'model')


@pytest.fixture
def demo(tmp_path):
    """Return what starts the demo; its current folder is ``tmp_path``."""
    started = []

    def start(*arguments):
        environment = {**os.environ, 'PYTHONPATH': str(Path(__file__).parents[2])}
        started.append(subprocess.Popen(
            [sys.executable, '-m', 'effvit_ros.demo', *map(str, arguments)], cwd=tmp_path,
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def node_pids(folder):
    """Return the ids of node processes whose parameter files lie in ``folder``."""
    found = []
    for process in Path('/proc').glob('[0-9]*'):
        try:
            command = (process / 'cmdline').read_bytes().decode(errors='replace')
        except OSError:
            continue
        if f'{folder}/' in command and '--params-file' in command:
            found.append(int(process.name))
    return found


def test_a_short_demo_reports_and_draws(demo, tmp_path, pictures, tiny_bundle):
    out = tmp_path / 'out'
    process = demo('--source', 'folder', '--path', pictures, '--model', tiny_bundle,
                   '--duration', 2, '--out', out, '--moments', 2)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    report = json.loads((out / 'report.json').read_text())
    assert set(KEYS) <= set(report)
    assert report['model'] == 'tiny' and report['runtime'] in ('openvino', 'onnxruntime')
    assert report['miou'] == 1.0, 'the truth is what the graph answers, matched frame by frame'
    assert 0 < report['frames_segmented'] <= report['frames_published'] <= 21
    assert report['frames_dropped'] == report['frames_published'] - report['frames_segmented']
    assert report['fps'] == pytest.approx(report['frames_segmented'] / 2)
    assert 0 < report['latency_p50_ms'] <= report['latency_p95_ms']
    assert set(report['per_class']) == {'background', 'red', 'green'}
    sheet = cv2.imread(str(out / 'overlay.png'))
    assert sheet is not None and sheet.shape[1] > 4 * 400
    assert 'FPS' in output and 'mIoU against truth' in output
    assert not node_pids(out)


def bad_graph(folder, tiny_bundle):
    """Return a bundle whose hashes fit but whose graph is none."""
    import yaml

    from effvit_ros.core.bundle import sha256_of
    bundle = folder / 'bad'
    shutil.copytree(tiny_bundle, bundle)
    (bundle / 'model.onnx').write_bytes(b'not a graph')
    manifest = yaml.safe_load((bundle / 'manifest.yaml').read_text())
    manifest['graphs'][0]['sha256'] = sha256_of(bundle / 'model.onnx')
    write_manifest(bundle, manifest)
    return bundle


def test_a_model_that_does_not_load_ends_the_demo_with_the_node_s_words(
        demo, tmp_path, pictures, tiny_bundle):
    process = demo('--source', 'folder', '--path', pictures, '--duration', 2,
                   '--model', bad_graph(tmp_path, tiny_bundle), '--out', tmp_path / 'out')
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert 'the segmenter says' in errors and 'model.onnx' in errors
    assert 'Traceback' not in errors
    assert not (tmp_path / 'out' / 'report.json').exists()
    assert not node_pids(tmp_path / 'out')


@pytest.mark.parametrize('arguments, message', [
    pytest.param(['--model', 'nope'], "model 'nope': no such folder", id='model'),
    pytest.param(['--source', 'folder'], 'needs --path: name the folder', id='no-path'),
    pytest.param(['--duration', '0'], 'give a number above 0', id='duration'),
    pytest.param(['--source', 'tape'], "invalid choice: 'tape'", id='source'),
])
def test_a_mistake_is_named_before_anything_starts(
        demo, tmp_path, tiny_bundle, arguments, message):
    process = demo('--model', tiny_bundle, *arguments)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2 and message in errors and 'Traceback' not in errors
    assert not (tmp_path / 'out').exists()


def test_a_camera_without_pictures_ends_the_demo_with_the_camera_s_words(
        demo, tmp_path, tiny_bundle):
    (tmp_path / 'empty').mkdir()
    process = demo('--source', 'folder', '--path', tmp_path / 'empty',
                   '--model', tiny_bundle)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert 'the camera ended with exit code 2' in errors
    assert 'empty: no pictures in it' in errors
    assert not node_pids(tmp_path)


@pytest.mark.parametrize('signals', [
    pytest.param([signal.SIGINT], id='ctrl-c'),
    pytest.param([signal.SIGINT, signal.SIGINT], id='twice', marks=pytest.mark.slow),
    pytest.param([signal.SIGTERM], id='terminated', marks=pytest.mark.slow),
])
def test_an_interrupt_ends_all_processes(demo, tmp_path, pictures, tiny_bundle, signals):
    process = demo('--source', 'folder', '--path', pictures, '--model', tiny_bundle,
                   '--duration', 600)
    deadline = time.monotonic() + 30
    while len(node_pids(tmp_path)) < 2 or not process.stdout.readline().strip():
        assert time.monotonic() < deadline
    for number in signals:
        process.send_signal(number)
        time.sleep(0.1)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert 'Traceback' not in errors
    assert not node_pids(tmp_path)
