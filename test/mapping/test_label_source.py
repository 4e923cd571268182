"""Recorded labels and the pictures of their stamps, whatever the camera's topic holds."""
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('av', reason='PyAV is not installed: pip install av')
from bag_files import picture, stamp_of, truth, write_bag  # noqa: E402
from video_files import encode, write_video_bag  # noqa: E402

from effvit_ros.bags.bag import Bag  # noqa: E402
from effvit_ros.mapping.label_source import recorded  # noqa: E402

COUNT, LABELS, VIDEO = 8, '/segmenter/labels', '/camera/video'


def video_bag(folder, kind, left_out=(), size=(48, 64)):
    kept = [index for index in range(COUNT) if index not in left_out]
    packets = encode([picture(index) for index in range(COUNT)])
    labels = [np.resize(truth(index), size) for index in kept]
    return write_video_bag(folder / 'flight', [packets[i] for i in kept], kind,
                           [stamp_of(i) for i in kept], labels=labels)


@pytest.mark.parametrize('kind', ['foxglove', 'ffmpeg'])
def test_labels_have_the_pictures_of_a_video(kind, tmp_path):
    with Bag(video_bag(tmp_path, kind)) as bag:
        found = list(recorded(bag, LABELS, VIDEO))
        assert [f.stamp_ns for f in found] == [stamp_of(i) for i in range(COUNT)]
        for index, labelled in enumerate(found):
            assert np.abs(labelled.bgr.astype(int) - picture(index)).mean() < 4
        assert list(bag.problems) == []


def test_a_map_that_goes_on_has_the_pictures_that_build_on_earlier_ones(tmp_path):
    with Bag(video_bag(tmp_path, 'foxglove')) as bag:
        found = list(recorded(bag, LABELS, VIDEO, begin=6))
        assert [f.index for f in found] == [6, 7]
        assert all(np.abs(f.bgr.astype(int) - picture(f.index)).mean() < 4 for f in found)


def test_before_the_first_key_frame_labels_have_no_picture_and_it_is_told(tmp_path):
    with Bag(video_bag(tmp_path, 'foxglove', left_out=(0, 1))) as bag:
        found = list(recorded(bag, LABELS, VIDEO))
        assert [f.bgr is None for f in found] == [True] * 2 + [False] * 4
        problem, = bag.problems
        assert (problem.kind, problem.count) == ('bad_frame', 2)
        assert 'a key frame that is not there' in problem.text


def test_pictures_of_another_size_than_the_labels_are_told(tmp_path):
    with Bag(video_bag(tmp_path, 'foxglove', size=(24, 32))) as bag:
        assert [f.bgr for f in recorded(bag, LABELS, VIDEO)] == [None] * COUNT
        problem, = bag.problems
        assert 'pictures of 64x48 are left out: the labels have 32x24' in problem.text


def test_plain_pictures_are_those_of_the_same_stamp(tmp_path):
    with Bag(write_bag(tmp_path / 'plain', 3)) as bag:
        for index, labelled in enumerate(recorded(bag, '/camera/truth', '/camera/image')):
            assert (labelled.bgr == picture(index)).all()
