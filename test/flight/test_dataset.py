"""The data set on disk: names, exact labels, resume, messages."""
import cv2
import numpy as np
import pytest

from effvit_ros.render_flight import main

BASE = ['--frames', '2', '--size', '96x80', '--scene-size', '1024', '--seed', '3']


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    """Folder with the two views of seed 3."""
    out = tmp_path_factory.mktemp('set')
    assert main(['--out', str(out), '--sheet', str(out / 'sheet.png')] + BASE) == 0
    return out


def test_pictures_and_labels_pair_by_stem(written):
    images = sorted(p.stem for p in (written / 'images/train').iterdir())
    labels = sorted(p.stem for p in (written / 'labels/train').iterdir())
    assert images == labels == ['00003_00000', '00003_00001']


def test_labels_are_8_bit_index_png_of_the_pictures_size(written):
    labels = cv2.imread(str(written / 'labels/train/00003_00000.png'), cv2.IMREAD_UNCHANGED)
    image = cv2.imread(str(written / 'images/train/00003_00000.jpg'))
    assert labels.dtype == np.uint8 and labels.shape == (80, 96) == image.shape[:2]
    assert labels.max() <= 13


def test_views_of_one_scene_differ(written):
    first, second = (cv2.imread(str(written / f'labels/train/00003_0000{i}.png'), -1)
                     for i in (0, 1))
    assert not np.array_equal(first, second)


def test_sheet_shows_pairs(written):
    assert cv2.imread(str(written / 'sheet.png')).shape == (4 * 400, 4 * 480, 3)


def test_resume_writes_only_what_is_missing_and_the_same_again(written, capsys):
    kept, lost = (written / f'labels/train/00003_0000{i}.png' for i in (0, 1))
    stamp, content = kept.stat().st_mtime_ns, lost.read_bytes()
    lost.unlink()
    assert main(['--out', str(written)] + BASE) == 0
    assert '1 pictures written, 1 were there' in capsys.readouterr().out
    assert kept.stat().st_mtime_ns == stamp
    assert lost.read_bytes() == content
    assert not list(written.rglob('*.tmp'))


@pytest.mark.parametrize('options, message', [
    (['--size', '512'], "--size '512' is not WxH"),
    (['--size', '4x4'], "--size '4x4' is not WxH"),
    (['--seeds', '9-3'], "--seeds '9-3' is not a range"),
    (['--frames', '0'], '--frames 0 is too few'),
    (['--stride', '0'], '--stride 0 is too small'),
    (['--scene-size', '1000'], '--scene-size 1000 is not a multiple of 512'),
], ids=lambda v: v[0][2:] if isinstance(v, list) else '')
def test_mistake_gets_one_line_and_exit_code_2(options, message, tmp_path, capsys):
    assert main(['--out', str(tmp_path / 'x')] + options) == 2
    error = capsys.readouterr().err
    assert message in error and error.count('\n') == 1


def test_nothing_to_write_is_said(capsys):
    assert main([]) == 2
    assert '--out DIR' in capsys.readouterr().err
