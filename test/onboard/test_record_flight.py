"""The process that owns the recorder: limits, signals, and what it leaves behind."""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from live_ros import ROOT

MB = 1_000_000


@pytest.fixture
def recording(tmp_path):
    """Return what starts record_flight beside the stand-in recorder; ended with the test."""
    (tmp_path / 'bin').mkdir()
    ros2 = tmp_path / 'bin' / 'ros2'
    shutil.copy(Path(__file__).with_name('stand_in_ros2.py'), ros2)
    ros2.chmod(0o755)
    (tmp_path / 'bags').mkdir()
    processes = []

    def start(*arguments, **environment):
        process = subprocess.Popen(
            [sys.executable, '-m', 'effvit_ros.onboard.record_flight',
             '--folder', str(tmp_path / 'bags'), *arguments, '/uav1/segmenter/labels'],
            env={**os.environ, 'PYTHONPATH': str(ROOT),
                 'PATH': f'{tmp_path / "bin"}:{os.environ["PATH"]}',
                 'RECORDER_CALLS': str(tmp_path / 'calls'), **environment},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        processes.append(process)
        return process
    yield start
    for process in processes:
        process.kill()
        process.stdout.close()
        process.wait()


def wait_for(condition, timeout=30.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f'not within {timeout} s'
        time.sleep(0.02)


def calls(tmp_path):
    path = tmp_path / 'calls'
    return path.read_text().splitlines() if path.exists() else []


def end(process, number=signal.SIGINT):
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=['SIGINT', 'SIGTERM'])
def test_a_signal_ends_the_recorder_once_and_it_writes_its_metadata(recording, tmp_path, number):
    process = recording()
    split = tmp_path / 'bags' / 'flight_0001' / 'flight_0001_0.mcap'
    wait_for(split.exists)
    code, output = end(process, number)
    assert code == 0, output
    assert (split.parent / 'metadata.yaml').is_file()
    record, interrupted = calls(tmp_path)
    assert record == (f'bag record --output {split.parent} --storage mcap --max-bag-size '
                      '256000000 --storage-preset-profile zstd_fast /uav1/segmenter/labels')
    assert interrupted == 'interrupted 1'


def test_old_recordings_make_room_then_old_files_and_the_rest_is_indexed(recording, tmp_path):
    old = tmp_path / 'bags' / 'flight_0007'
    old.mkdir()
    (old / 'flight_0007_0.mcap').write_bytes(bytes(2 * MB))
    process = recording('--max-split-mb', '1', '--max-total-mb', '3')
    new = tmp_path / 'bags' / 'flight_0008'
    wait_for(lambda: (new / 'flight_0008_3.mcap').exists() or process.poll() is not None)
    wait_for(lambda: not (new / 'flight_0008_0.mcap').exists())
    code, output = end(process)
    assert code == 0, output
    assert not old.exists()
    assert f'deleted {old} to make room' in output
    assert calls(tmp_path)[1:] == ['interrupted 1', f'bag reindex --storage mcap {new}']


def test_where_the_file_says_stop_nothing_is_deleted(recording, tmp_path):
    old = tmp_path / 'bags' / 'flight_0001'
    old.mkdir()
    (old / 'flight_0001_0.mcap').write_bytes(bytes(2 * MB))
    process = recording('--max-split-mb', '1', '--max-total-mb', '3', '--when-full', 'stop')
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert 'the room for recordings is used up: recording ends' in output
    assert (old / 'flight_0001_0.mcap').exists()
    assert (tmp_path / 'bags' / 'flight_0002' / 'flight_0002_0.mcap').exists()
    assert calls(tmp_path)[1:] == ['interrupted 1']


def test_a_full_disk_that_cannot_be_helped_is_said_at_once(recording, tmp_path):
    process = recording('--min-free-mb', str(10**8))
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert 'nothing is recorded: there is no room' in output
    assert calls(tmp_path) == []


def test_a_recorder_that_ends_by_itself_is_an_error(recording):
    process = recording(RECORDER_FAILS='1')
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output.splitlines()[-1] == 'error: ros2 bag record ended by itself with code 3'


def test_without_ros_it_says_what_to_source(recording):
    process = recording(PATH='/nowhere')
    output, _ = process.communicate(timeout=60)
    assert (process.returncode, output) == (
        2, "error: the command 'ros2' is not on PATH: source ROS, and install ros2bag\n")
