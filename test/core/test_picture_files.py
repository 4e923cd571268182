"""The pictures of a folder: which files count, in which order, and what a mistake says."""
from __future__ import annotations

import pytest

from effvit_ros.core.errors import UserError
from effvit_ros.core.picture_files import picture_files


def test_pictures_come_by_name_whatever_the_case_of_their_ending(tmp_path):
    for name in ('b.png', 'a.JPG', 'c.tiff', 'notes.txt', 'png', '.png'):
        (tmp_path / name).touch()
    (tmp_path / 'more').mkdir()
    (tmp_path / 'more' / 'd.png').touch()
    expected = [tmp_path / name for name in ('a.JPG', 'b.png', 'c.tiff')]
    assert picture_files(tmp_path) == picture_files(str(tmp_path)) == expected


@pytest.mark.parametrize('folder, complaint', [
    pytest.param('nowhere', 'nowhere: no such folder', id='no folder'),
    pytest.param('notes.txt', 'notes.txt: no such folder', id='a file'),
    pytest.param('', 'no pictures in it (.jpg, .jpeg, ', id='no picture'),
])
def test_a_mistake_names_the_folder(tmp_path, folder, complaint):
    (tmp_path / 'notes.txt').touch()
    with pytest.raises(UserError) as caught:
        picture_files(tmp_path / folder)
    assert str(caught.value).startswith(str(tmp_path)) and complaint in str(caught.value)
