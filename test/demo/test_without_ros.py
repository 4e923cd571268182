"""The demo without ROS: real processes and a tiny real bundle."""
from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(folder, *arguments):
    """Start the command where no ROS library can be imported, in ``folder``."""
    program = ('import sys; sys.modules.update(dict.fromkeys(["rclpy", "sensor_msgs"])); '
               'from effvit_ros.demo import main; sys.exit(main())')
    return subprocess.Popen(
        [sys.executable, '-c', program, '--no-ros', *map(str, arguments)], cwd=folder,
        env={'PATH': '/usr/bin:/bin', 'PYTHONPATH': str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)


def demo(folder, *arguments):
    """Run the command to its end."""
    process = start(folder, *arguments)
    out, error = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, error)


def processes_in(folder):
    """Return the ids of processes whose current folder this is."""
    found = []
    for process in Path('/proc').glob('[0-9]*'):
        try:
            if (process / 'cwd').resolve() == folder.resolve():
                found.append(process.name)
        except OSError:
            continue
    return found


def test_a_folder_is_segmented_scored_and_shown(pictures, tiny_bundle, tmp_path):
    result = demo(tmp_path, '--source', 'folder', '--path', pictures, '--model', tiny_bundle,
                  '--duration', 2, '--moments', 2)
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / 'out' / 'demo' / 'report.json').read_text())
    assert report['miou'] == 1 and report['frame_size'] == [64, 64]
    assert report['frames_published'] == report['frames_segmented'] + report['frames_dropped']
    assert 0 < report['frames_segmented'] <= 22  # a folder gives 10 a second
    assert report['source'].startswith('folder') and report['source'].endswith('(without ROS)')
    assert report['runtime'] in ('openvino', 'onnxruntime')
    assert cv2.imread(str(tmp_path / 'out' / 'demo' / 'overlay.png')) is not None
    time.sleep(0.2)
    assert processes_in(tmp_path) == []


@pytest.mark.parametrize('arguments, words', [
    (('--source', 'folder', '--path', 'nowhere'), 'nowhere: no such folder'),
    (('--source', 'file', '--path', 'nowhere.mp4'), 'nowhere.mp4'),
], ids=['no folder', 'no video'])
def test_what_the_camera_cannot_do_is_one_line(arguments, words, tiny_bundle, tmp_path):
    result = demo(tmp_path, '--model', tiny_bundle, *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith('error: ') and result.stderr.count('\n') == 1
    assert words in result.stderr
    assert not (tmp_path / 'out' / 'demo' / 'report.json').exists()


def test_what_the_segmenter_cannot_do_is_one_line(pictures, tiny_bundle, tmp_path):
    result = demo(tmp_path, '--source', 'folder', '--path', pictures, '--model', tiny_bundle,
                  '--runtime', 'tensorrt')
    assert result.returncode == 2
    assert result.stderr.startswith('error: ') and result.stderr.count('\n') == 1
    assert 'tensorrt' in result.stderr


async def first_of_each(url):
    """Return the first message of each kind that a browser gets; a picture is bytes."""
    aiohttp = pytest.importorskip('aiohttp', reason="the page needs pip install '.[view]'")
    seen = {}
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url + 'socket') as socket:
            while not {'picture', 'legend', 'classes', 'health segmenter'} <= set(seen):
                data = (await socket.receive(timeout=60)).data
                seen.update({'picture': data} if isinstance(data, bytes) else json.loads(data))
    return seen


def test_the_page_shows_the_stream_in_a_browser(pictures, tiny_bundle, tmp_path):
    pytest.importorskip('aiohttp', reason="the page needs pip install '.[view]'")
    process = start(tmp_path, '--source', 'folder', '--path', pictures, '--model', tiny_bundle,
                    '--duration', 300, '--view')
    try:
        line = process.stdout.readline()
        while not line.startswith('watch at '):
            assert line, process.stderr.read()
            line = process.stdout.readline()
        seen = asyncio.run(first_of_each(line.split()[-1]))
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert cv2.imdecode(np.frombuffer(seen['picture'], np.uint8), 1).shape == (64, 64, 3)
    names = [name for name, _, _ in seen['classes']]
    assert set(names) <= set(seen['legend'])
    assert 0.99 < sum(share for _, share, _ in seen['classes']) <= 1.001
    assert 'FPS' in seen['health segmenter']['message']
    assert process.returncode == 130
