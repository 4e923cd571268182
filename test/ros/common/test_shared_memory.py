"""Segments of killed processes are removed, all others stay."""
from __future__ import annotations

import fcntl
import os

import pytest

from effvit_ros.ros.common.shared_memory import remove_left_behind

NAME = 'fastdds_0123456789abcdef'


@pytest.fixture
def segment(tmp_path):
    """Return a function that makes a segment with its lock file, some seconds old."""
    def make(name=NAME, age=60.0, lock=True):
        (tmp_path / name).write_bytes(b'pictures')
        if lock:
            (tmp_path / f'{name}_el').touch()
            then = os.stat(tmp_path / name).st_mtime - age
            os.utime(tmp_path / f'{name}_el', (then, then))
        return tmp_path / name
    return make


def test_what_nobody_holds_is_removed(segment, tmp_path):
    segment()
    segment('fastrtps_fedcba9876543210')
    assert remove_left_behind(tmp_path) == 2
    assert list(tmp_path.iterdir()) == []


def test_what_a_process_holds_stays(segment, tmp_path):
    with open(f'{segment()}_el') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert remove_left_behind(tmp_path) == 0
    assert remove_left_behind(tmp_path) == 1


@pytest.mark.parametrize('options', [
    pytest.param({'age': 1.0}, id='just made'),
    pytest.param({'lock': False}, id='without a lock'),
    pytest.param({'name': 'fastdds_port7412'}, id='a port'),
    pytest.param({'name': 'something_of_others'}, id='not of the DDS'),
])
def test_what_may_be_in_use_stays(segment, tmp_path, options):
    path = segment(**options)
    assert remove_left_behind(tmp_path) == 0
    assert path.exists()


def test_no_such_folder(tmp_path):
    assert remove_left_behind(tmp_path / 'nowhere') == 0
