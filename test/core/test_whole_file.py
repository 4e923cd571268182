"""Files that are whole: what is there after a write, and after one that failed."""
from __future__ import annotations

import os

import pytest

from effvit_ros.core.errors import UserError
from effvit_ros.core.whole_file import write_bytes, write_text


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_folder_is_made_and_nothing_else_stays(tmp_path):
    write_text(tmp_path / 'new' / 'a.txt', 'höher\n')
    write_bytes(str(tmp_path / 'new' / 'b'), b'\r\n')
    write_bytes(tmp_path / 'new' / 'b', b'\x00')
    assert contents(tmp_path / 'new') == {'a.txt': 'höher\n'.encode(), 'b': b'\x00'}


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    write_bytes(tmp_path / 'report', b'old')

    def no_space(descriptor):
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(os, 'fsync', no_space)
    with pytest.raises(UserError, match='report: cannot be written: No space left on device'):
        write_bytes(tmp_path / 'report', b'new')
    assert contents(tmp_path) == {'report': b'old'}


@pytest.mark.parametrize('place, reason', [
    pytest.param('folder', 'Is a directory', id='a folder in its place'),
    pytest.param('file/report', 'File exists|Not a directory', id='a file in the folders place'),
])
def test_a_place_that_cannot_be_written_is_one_line(tmp_path, place, reason):
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'file').touch()
    with pytest.raises(UserError, match=f'{place}: cannot be written: ({reason})$'):
        write_text(tmp_path / place, 'text')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['file', 'folder']
