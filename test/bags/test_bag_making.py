"""make_bag: pictures and masks in, the same pixels out."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
from bag_files import picture, truth
from hypothesis import given, strategies

from effvit_ros.bags.bag import Bag
from effvit_ros.bags.frames import recorded_frames
from effvit_ros.bags.make_bag import main
from effvit_ros.bags.pictures import choose_topics
from effvit_ros.bags.still_flight import window_path
from effvit_ros.core.errors import UserError
from effvit_ros.evaluation.truth import TopicTruth


@pytest.fixture
def folders(tmp_path):
    """Return folders of three pictures and of masks for two of them."""
    images, labels = tmp_path / 'images', tmp_path / 'labels'
    images.mkdir()
    labels.mkdir()
    for index in range(3):
        cv2.imwrite(str(images / f'{index}.png'), picture(index))
        if index != 1:
            cv2.imwrite(str(labels / f'{index}.png'), truth(index))
    return images, labels


@pytest.mark.parametrize('form', [
    [], ['--encoding', 'png'], ['--storage', 'sqlite3'], ['--no-compression']],
    ids=['raw', 'png', 'sqlite3', 'uncompressed'])
def test_every_pixel_arrives(form, folders, tmp_path, capsys):
    images, labels = folders
    assert main(['--images', str(images), '--labels', str(labels), '--rate', '4',
                 '--out', str(tmp_path / 'bag'), *form]) == 0
    assert 'no label map for 1 pictures, 1.png the first' in capsys.readouterr().err
    with Bag(tmp_path / 'bag') as bag:
        image_topic, truth_topic = choose_topics(bag)
        labels = TopicTruth(bag, truth_topic)
        frames = list(recorded_frames(bag, image_topic))
        assert not list(bag.problems)
        for index, frame in enumerate(frames):
            np.testing.assert_array_equal(frame.picture.bgr(), picture(index))
            found = labels.labels(index, frame.stamp_ns, None)
            if index == 1:
                assert found is None
            else:
                np.testing.assert_array_equal(found, truth(index))
    assert np.diff([f.stamp_ns for f in frames]).tolist() == [250_000_000] * 2


def test_a_window_flies_over_picture_and_mask_alike(folders, tmp_path):
    images, labels = folders
    assert main(['--images', str(images), '--labels', str(labels), '--window', '32x24',
                 '--frames', '5', '--out', str(tmp_path / 'bag')]) == 0
    corners = window_path(64, 48, (32, 24), 5)
    with Bag(tmp_path / 'bag') as bag:
        found = TopicTruth(bag, '/camera/truth')
        frames = list(recorded_frames(bag, '/camera/image'))
        assert len(frames) == 15
        for index, frame in enumerate(frames):
            left, top = corners[index % 5]
            view = np.s_[top:top + 24, left:left + 32]
            np.testing.assert_array_equal(frame.picture.bgr(), picture(index // 5)[view])
            if index // 5 != 1:
                np.testing.assert_array_equal(found.labels(index, frame.stamp_ns, None),
                                              truth(index // 5)[view])


@given(strategies.integers(1, 300), strategies.integers(1, 300), strategies.data())
def test_the_window_stays_inside(width, height, data):
    window = (data.draw(strategies.integers(1, width)), data.draw(strategies.integers(1, height)))
    path = window_path(width, height, window, data.draw(strategies.integers(1, 50)))
    assert all(0 <= x <= width - window[0] and 0 <= y <= height - window[1] for x, y in path)


def test_a_window_larger_than_the_picture_is_refused():
    with pytest.raises(UserError, match='10x10, smaller than --window 11x5'):
        window_path(10, 10, (11, 5), 3)


def jpeg_mask(images, labels):
    cv2.imwrite(str(labels / '0.png'), picture(0))


def small_mask(images, labels):
    cv2.imwrite(str(labels / '0.png'), truth(0)[:5])


def broken_picture(images, labels):
    (images / '2.png').write_bytes(b'no picture')


@pytest.mark.parametrize('spoil, words', [
    (jpeg_mask, '0.png: 3 channels'), (small_mask, '0.png: 64x5 pixels, its picture has 64x48'),
    (broken_picture, '2.png: not a readable picture'),
], ids=['colour mask', 'mask of another size', 'broken picture'])
def test_bad_files_give_one_line_and_no_bag(spoil, words, folders, tmp_path, capsys):
    images, labels = folders
    spoil(images, labels)
    assert main(['--images', str(images), '--labels', str(labels),
                 '--out', str(tmp_path / 'bag')]) == 2
    assert words in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ['images', 'labels']


def test_a_folder_without_fitting_labels_is_a_mistake(folders, tmp_path, capsys):
    (tmp_path / 'none').mkdir()
    assert main(['--images', str(folders[0]), '--labels', str(tmp_path / 'none'),
                 '--out', str(tmp_path / 'bag')]) == 2
    assert 'no label map (STEM.png) for any' in capsys.readouterr().err
    assert not (tmp_path / 'bag').exists()


def test_an_existing_bag_is_not_overwritten(folders, tmp_path, capsys):
    (tmp_path / 'bag').mkdir()
    assert main(['--images', str(folders[0]), '--out', str(tmp_path / 'bag')]) == 2
    assert 'exists already' in capsys.readouterr().err


@pytest.mark.parametrize('arguments, words', [
    pytest.param(['--rate', '1e-12'], 'stamps are 0 to 2147483647 s', id='beyond the last stamp'),
    pytest.param(['--truth-topic', '/camera/image'], 'two topics named /camera/image',
                 id='one topic for both'),
])
def test_what_no_bag_can_hold_is_one_line(arguments, words, folders, tmp_path, capsys):
    assert main(['--images', str(folders[0]), '--labels', str(folders[1]), *arguments,
                 '--out', str(tmp_path / 'bag')]) == 2
    assert words in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ['images', 'labels']


@pytest.mark.parametrize('start', ['-5', '1e30', 'nan'])
def test_a_start_that_no_stamp_holds_is_refused(start, folders, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(['--images', str(folders[0]), f'--start={start}', '--out', str(tmp_path / 'bag')])
    assert 'give seconds, 0 to 2147483647' in capsys.readouterr().err
