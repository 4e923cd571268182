"""effvit-compress views: what is recorded is what the drone sees; sets stay or go; bad input."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
from tiny_bundle import write_tiny_bundle

from effvit_compression.cli import main
from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.segmenter import Segmenter


@pytest.fixture
def bundle(tmp_path):
    """Return a bundle that ends at scores."""
    return write_tiny_bundle(tmp_path / 'bundle', 32, 32, scores=True)


@pytest.fixture
def pictures(tmp_path):
    """Return a folder of twelve pictures, and the pictures."""
    rng = np.random.default_rng(0)
    folder, made = tmp_path / 'monday', []
    folder.mkdir()
    for number in range(12):
        made.append(rng.integers(0, 200 + number, (40, 60, 3), dtype=np.uint8))
        cv2.imwrite(str(folder / f'{number:02d}.png'), made[-1])
    return folder, made


def test_what_is_recorded_is_what_the_drone_sees(bundle, pictures, tmp_path, capsys):
    folder, made = pictures
    assert main(['views', '--bundle', str(bundle), '--images', str(folder), '--out',
                 str(tmp_path / 'new')]) == 0
    assert 'monday: 12 pictures' in capsys.readouterr().out
    found = load_bundle(tmp_path / 'new')
    with Segmenter(load_bundle(bundle)) as segmenter:
        seen = np.array([segmenter.segment(picture, 'bgr').look() for picture in made])
    one, = found.views.sets
    np.testing.assert_allclose(one.mean, seen.mean(axis=0), atol=1e-5)
    assert load_bundle(bundle).views is None


def test_sets_are_added_or_replaced(bundle, pictures, tmp_path):
    folder, _ = pictures
    other = folder.rename(tmp_path / 'tuesday')
    for name, options, sets in (('tuesday', [], ['tuesday']),
                                ('wednesday', ['--add'], ['tuesday', 'wednesday']),
                                ('thursday', [], ['thursday'])):
        other = other.rename(tmp_path / name)
        assert main(['views', '--bundle', str(bundle), '--images', str(other), '--out',
                     str(bundle), *options]) == 0
        assert [one.name for one in load_bundle(bundle).views.sets] == sets


@pytest.mark.parametrize('scores, options, told', [
    (True, [], 'either --data or --images'),
    (False, ['--images', 'monday'], 'without scores'),
    (True, ['--images', 'nowhere'], 'nowhere'),
], ids=['no pictures', 'labels alone', 'no folder'])
def test_bad_input_is_one_line(tmp_path, pictures, monkeypatch, capsys, scores, options, told):
    monkeypatch.chdir(tmp_path)
    bundle = write_tiny_bundle(tmp_path / 'other', 32, 32, scores=scores)
    assert main(['views', '--bundle', str(bundle), '--out', 'new', *options]) == 2
    printed = capsys.readouterr().err
    assert told in printed and 'Traceback' not in printed
    assert not (tmp_path / 'new').exists()
