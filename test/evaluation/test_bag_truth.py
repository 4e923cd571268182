"""Truth beside the pictures: found by stamp or index, read as ids and nothing else."""
from __future__ import annotations

import numpy as np
import pytest
from bag_files import stamp_of, truth, TRUTH_TOPIC, write_bag, write_masks
from hypothesis import given, strategies

from effvit_ros.bags.bag import Bag
from effvit_ros.core.errors import UserError
from effvit_ros.evaluation.truth import FolderTruth, stamp_or_index, StampIndex, TopicTruth


@pytest.mark.parametrize('stamps, tolerance, frames, expected', [
    ([10, 20, 30], 0, [10, 20, 30], [0, 1, 2]),
    ([30, 10, 20], 0, [10, 20, 30], [1, 2, 0]),
    ([10, 30], 0, [10, 20, 30], [0, None, 1]),
    ([11, 29], 0, [10, 30], [None, None]),
    ([11, 29], 1, [10, 30], [0, 1]),
    ([14], 5, [10, 15, 20], [None, 0, None]),
    ([15], 5, [10, 20], [0, None]),
    ([10, 10], 0, [10, 10], [0, 1]),
    ([], 5, [10], [None]),
], ids=['exact', 'recorded in another order', 'some frames', 'no tolerance', 'nearest',
        'left to the nearer frame', 'a tie goes to the first', 'a looped recording', 'none'])
def test_truths_are_matched_by_stamp(stamps, tolerance, frames, expected):
    index = StampIndex(stamps, tolerance)
    nexts = frames[1:] + [None]
    assert [index.take(f, n) for f, n in zip(frames, nexts)] == expected
    assert len(index.unused) == len(stamps) - sum(e is not None for e in expected)


@given(strategies.sets(strategies.integers(0, 1000), min_size=1), strategies.integers(0, 40),
       strategies.sets(strategies.integers(0, 1000), min_size=1))
def test_no_truth_is_used_twice_or_beyond_the_tolerance(stamps, tolerance, frames):
    stamps, frames = sorted(stamps), sorted(frames)
    index = StampIndex(stamps, tolerance)
    taken = [(f, index.take(f, n)) for f, n in zip(frames, frames[1:] + [None])]
    numbers = [number for _, number in taken if number is not None]
    assert len(numbers) == len(set(numbers))
    assert all(abs(stamps[number] - f) <= tolerance
               for f, number in taken if number is not None)
    # A frame with a truth of its very stamp gets that one.
    assert all(stamps[number] == f for f, number in taken if f in stamps)


@pytest.mark.parametrize('name, expected', [
    ('000012.png', ('index', 12)),
    ('frame_7.png', ('index', 7)),
    ('flight_3_000012.png', ('index', 12)),
    ('1700000000123456789.png', ('stamp', 1700000000123456789)),
    ('mask_1700000000.123456789.png', ('stamp', 1700000000123456789)),
    ('1700000000_000000005.png', ('stamp', 1700000000000000005)),
    ('12.500000000.png', ('stamp', 12500000000)),
])
def test_masks_are_named_by_index_or_stamp(name, expected, tmp_path):
    assert stamp_or_index(tmp_path / name) == expected


@pytest.mark.parametrize('names, words', [
    ([], 'no masks'), (['mask.png'], 'ends in no digits'),
    (['1.png', '1700000000123456789.png'], 'some masks are named by stamp'),
    (['1.png', '01.png'], 'same index'),
], ids=['empty', 'no number', 'mixed', 'twice'])
def test_folders_that_tell_no_frame_are_refused(names, words, tmp_path):
    for name in names:
        (tmp_path / name).write_bytes(b'')
    with pytest.raises(UserError, match=words):
        FolderTruth(tmp_path)


@pytest.mark.parametrize('name', ['{index:04d}.png', '{stamp}.png'], ids=['index', 'stamp'])
def test_a_folder_gives_each_frame_its_mask(name, tmp_path):
    masks = FolderTruth(write_masks(tmp_path / 'masks', 3, name))
    for index in (2, 0, 1):
        np.testing.assert_array_equal(masks.labels(index, stamp_of(index), None), truth(index))
    assert masks.labels(3, stamp_of(3), None) is None


def test_masks_that_belong_to_no_frame_are_told(tmp_path):
    masks = FolderTruth(write_masks(tmp_path / 'masks', 3))
    masks.labels(0, 0, None)
    with Bag(write_bag(tmp_path / 'flight')) as bag:
        masks.report_unused(bag.problems)
        (problem,) = bag.problems
    assert problem.kind == 'unused_truth'
    assert '2 of 3 masks belong to no frame, 000001.png first' in problem.text


def test_a_topic_gives_each_frame_its_labels_in_any_order(tmp_path):
    with Bag(write_bag(tmp_path / 'flight')) as bag:
        labels = TopicTruth(bag, TRUTH_TOPIC)
        for index in (5, 0, 3):
            np.testing.assert_array_equal(labels.labels(index, stamp_of(index), None),
                                          truth(index))
        labels.report_unused(bag.problems)
        (problem,) = bag.problems
    assert '3 of 6 label maps have the stamp of no picture' in problem.text
