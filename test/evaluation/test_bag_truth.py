"""Truth beside the pictures: found by stamp or index, read as ids and nothing else."""
from __future__ import annotations

import re

import numpy as np
import pytest
from bag_files import stamp_of, truth, TRUTH_TOPIC, write_bag, write_masks
from hypothesis import given, strategies

from effvit_ros.bags.bag import Bag
from effvit_ros.core.errors import UserError
from effvit_ros.evaluation.mask_names import stamp_or_index
from effvit_ros.evaluation.truth import (
    check_mask_folder,
    FolderTruth,
    mask_folder,
    StampIndex,
    TopicTruth,
)


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
    ('frame_000012_mask.png', ('index', 12)),
    ('1700000000_000000005.png', ('stamp', 1700000000000000005)),
    ('12.500000000.png', ('stamp', 12500000000)),
])
def test_masks_are_named_by_index_or_stamp(name, expected, tmp_path):
    assert stamp_or_index(tmp_path / name) == expected


@pytest.mark.parametrize('name', [
    '2023-11-14_22-13-20.png', '20231114_221320.png', '20231114221320.png',
    '20231114221320500.png', '2023_11_14_000012.png', '14.11.2023.png', '22-13-20.png',
    'IMG_20231114_000012.png', 'frame_20231114.png', '1700000000123.png',
    '1700000000123456.png', '1700000000.123456.png', '1700000000.5.png', '1700000000_5.png',
    '20231114221320123456.png', 'flight_a.png', '000012_v.png', '١٢.png',
])
def test_names_that_tell_no_frame_for_certain_are_refused(name, tmp_path):
    with pytest.raises(UserError, match=re.escape(name)) as error:
        stamp_or_index(tmp_path / name)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('names, words', [
    ([], 'no masks'), (['mask.png'], 'ends in no digits'),
    (['1.png', '1700000000123456789.png'], 'some masks are named by stamp'),
    (['1.png', '01.png'], 'same index'),
    (['frame_1.rf.3f2a9b7c4.png', 'frame_2.rf.99e1b7c15.png'], 'differ in more than a number'),
    (['mask1_v2.png', 'mask2_v3.png'], 'differ in more than a number'),
], ids=['empty', 'no number', 'mixed', 'twice', 'hashes', 'versions'])
def test_folders_that_tell_no_frame_are_refused(names, words, tmp_path):
    for name in names:
        (tmp_path / name).write_bytes(b'')
    with pytest.raises(UserError, match=words):
        FolderTruth(tmp_path)


def test_hidden_things_in_a_folder_change_nothing(tmp_path):
    folder = write_masks(tmp_path / 'masks', 3)
    for name in ('.ipynb_checkpoints/000001-checkpoint.png', '__MACOSX/._000001.png',
                 '._000001.png', '.DS_Store', 'notes/readme.txt'):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b'')
    assert mask_folder(folder, 'flight') == folder
    assert FolderTruth(folder).labels(2, 0, None) is not None


@pytest.mark.parametrize('folders, bags, name, kinds', [
    pytest.param(['.'], ['a'], 'x_{index}.png', [], id='one bag'),
    pytest.param(['.'], ['a', 'b'], '{stamp}.png', [], id='stamps tell the bag'),
    pytest.param(['.'], ['a', 'b'], 'x_{index}.png', 'but 2 bags would take them',
                 id='indices do not'),
    pytest.param(['a'], ['a', 'b'], 'x_{index}.png', [], id='one of two labelled'),
    pytest.param(['a', 'c'], ['a', 'b'], 'x_{index}.png', [], id='of other bags, too'),
    pytest.param(['c'], ['a'], 'x_{index}.png', ['no_truth'], id='of other bags only'),
    pytest.param(['a'], ['a', 'a'], 'x_{index}.png', 'but 2 bags would take them',
                 id='two bags of one name'),
    pytest.param(['.', 'c'], ['a'], 'x_{index}.png', 'lie in the folder itself and in c',
                 id='here and there'),
])
def test_masks_belong_to_the_bag_of_their_folders_name(folders, bags, name, kinds, tmp_path):
    for folder in folders:
        write_masks(tmp_path / 'masks' / folder, 2, name)
    if isinstance(kinds, str):
        with pytest.raises(UserError, match=kinds):
            check_mask_folder(tmp_path / 'masks', bags)
    else:
        assert [problem.kind for problem in check_mask_folder(tmp_path / 'masks', bags)] == kinds


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
