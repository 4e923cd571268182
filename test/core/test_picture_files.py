"""What counts as a picture in a folder, in which order, and which mask is whose."""
from __future__ import annotations

from pathlib import Path

import pytest

from effvit_ros.core.errors import UserError
from effvit_ros.core.labelled_pictures import read_picture
from effvit_ros.core.picture_files import mask_file, natural_order, picture_files, pictures_under


def fill(folder, *names):
    """Make empty files, with their folders."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b'')
    return folder


@pytest.mark.parametrize('names, expected', [
    pytest.param(['b.png', 'a.JPG', 'notes.txt'], ['a.JPG', 'b.png'], id='by name'),
    pytest.param(['frame_10.png', 'frame_2.png', 'frame_1.png'],
                 ['frame_1.png', 'frame_2.png', 'frame_10.png'], id='natural order'),
    pytest.param(['x.png', '._x.png', '.DS_Store', 'Thumbs.db', '.x.jpg', '__MACOSX/._x.png',
                  '.ipynb_checkpoints/x-checkpoint.png'], ['x.png'], id='what systems leave'),
    pytest.param(['x.jpg', 'x_mask.png', 'y.jpg', 'y_mask.png', '_classes.csv'],
                 ['x.jpg', 'y.jpg'], id='masks beside their pictures'),
    pytest.param(['x_mask.png'], ['x_mask.png'], id='a mask by itself is a picture'),
    pytest.param(['x.png', 'y.png/z.txt'], ['x.png'], id='a folder named like a picture'),
])
def test_a_folder_lists_its_pictures(names, expected, tmp_path):
    assert [path.name for path in picture_files(fill(tmp_path, *names))] == expected


@pytest.mark.parametrize('names, words', [
    pytest.param([], 'no pictures in it', id='empty'),
    pytest.param(['._x.png'], 'no pictures in it', id='only hidden ones'),
    pytest.param(['x.jpg', 'x.png'], 'x.jpg and x.png have one name', id='picture or mask?'),
])
def test_a_folder_that_tells_no_pictures_is_refused(names, words, tmp_path):
    with pytest.raises(UserError, match=words):
        picture_files(fill(tmp_path, *names))


def test_subfolders_are_searched_but_not_hidden_ones(tmp_path):
    fill(tmp_path, 'b/2.png', 'b/10.png', 'a.png', '.trash/c.png', '__MACOSX/b/._2.png')
    assert [str(path.relative_to(tmp_path)) for path in pictures_under(tmp_path)] == [
        'a.png', 'b/2.png', 'b/10.png']


@pytest.mark.parametrize('names, expected', [
    pytest.param(['labels/x.png'], 'labels/x.png', id='same stem'),
    pytest.param(['labels/x_mask.png'], 'labels/x_mask.png', id='with _mask'),
    pytest.param(['labels/y.png'], None, id='none'),
])
def test_a_picture_finds_its_mask(names, expected, tmp_path):
    fill(tmp_path, 'images/x.png', *names)
    found = mask_file(tmp_path / 'images' / 'x.png', tmp_path / 'labels')
    assert (found and str(found.relative_to(tmp_path))) == expected


def test_a_picture_is_never_its_own_mask(tmp_path):
    fill(tmp_path, 'x.png')
    assert mask_file(tmp_path / 'x.png', tmp_path) is None
    fill(tmp_path, 'x_mask.png')
    assert mask_file(tmp_path / 'x.png', tmp_path).name == 'x_mask.png'


def test_two_masks_for_one_picture_are_refused(tmp_path):
    fill(tmp_path, 'x.jpg', 'labels/x.png', 'labels/x_mask.png')
    with pytest.raises(UserError, match='could both be the mask of x.jpg'):
        mask_file(tmp_path / 'x.jpg', tmp_path / 'labels')


@pytest.mark.parametrize('ordered', [
    ['a9', 'a10'], ['a09', 'a9', 'a10'], ['a', 'a1', 'a1b', 'a²', 'b'], ['1/2', '1/10', '2/1'],
], ids=['by value', 'leading zeros', 'signs that only look like digits', 'folders'])
def test_numbers_in_names_count_by_value(ordered):
    assert sorted(reversed(ordered), key=natural_order) == ordered


def test_a_link_to_nothing_stays_listed_for_its_reader_to_tell(tmp_path):
    fill(tmp_path, 'a.png')
    (tmp_path / 'b.png').symlink_to('gone.png')
    (tmp_path / 'c.png').symlink_to('a.png')
    assert [path.name for path in picture_files(tmp_path)] == ['a.png', 'b.png', 'c.png']
    with pytest.raises(UserError, match='b.png: not a readable picture: No such file'):
        read_picture(tmp_path / 'b.png')
    assert mask_file(Path('elsewhere/b.jpg'), tmp_path).name == 'b.png'
