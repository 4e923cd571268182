"""Bags of every format and in every bad state: the same frames, or one clear line."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bag_files import (
    compress_file,
    cut,
    IMAGE_TOPIC,
    picture,
    rewrite_mcap,
    stamp_of,
    TRUTH_TOPIC,
    without_metadata,
    write_bag,
    write_compressed_images,
    write_lone_mcap,
    write_ros1_bag,
    write_split_bag,
    write_topics,
)
from mcap.writer import IndexType

import effvit_ros.bags
from effvit_ros.bags.bag import Bag, bag_name
from effvit_ros.bags.find_bags import find_bags
from effvit_ros.bags.frames import recorded_frames
from effvit_ros.bags.pictures import choose_topics, IMAGE, note_unknown_types
from effvit_ros.bags.problems import BagError
from effvit_ros.bags.writer import BagWriter
from effvit_ros.core.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


def frames_of(path, topic=''):
    """Return (index, stamp, pixels) of every frame, and the kinds of problems."""
    with Bag(path) as bag:
        image_topic, _ = choose_topics(bag, topic)
        frames = [(f.index, f.stamp_ns, f.picture.bgr().copy())
                  for f in recorded_frames(bag, image_topic)]
        return frames, [p.kind for p in bag.problems]


def make_lone_zstd(path):
    return compress_file(write_lone_mcap(path))


READABLE = {
    'mcap': lambda p: write_bag(p, compress=False),
    'mcap, zstd chunks': write_bag,
    'sqlite3': lambda p: write_bag(p, storage='sqlite3', compress=False),
    'sqlite3, zstd messages': lambda p: write_bag(p, storage='sqlite3'),
    'split': write_split_bag,
    'split, zstd files': lambda p: write_split_bag(p, file_compression=True),
    'lone mcap': write_lone_mcap,
    'lone mcap, zstd file': make_lone_zstd,
    'ROS 1': lambda p: write_ros1_bag(p.with_suffix('.bag')),
    'PNG messages': write_compressed_images,
}


@pytest.mark.parametrize('make', READABLE.values(), ids=READABLE.keys())
def test_every_format_gives_the_same_frames(make, tmp_path):
    frames, problems = frames_of(make(tmp_path / 'flight'))
    assert [(index, stamp) for index, stamp, _ in frames] == [(i, stamp_of(i)) for i in range(6)]
    for index, _, pixels in frames:
        np.testing.assert_array_equal(pixels, picture(index))
    assert problems == []


@pytest.mark.parametrize('make', [write_bag, write_split_bag,
                                  lambda p: write_bag(p, storage='sqlite3')],
                         ids=['mcap', 'split', 'sqlite3'])
def test_a_bag_without_metadata_is_read_and_told(make, tmp_path):
    frames, problems = frames_of(without_metadata(make(tmp_path / 'flight')))
    assert len(frames) == 6
    assert problems == ['no_metadata']


@pytest.mark.parametrize('keep', [0.95, 0.6], ids=['only the index', 'a chunk'])
def test_a_truncated_mcap_gives_what_is_before_the_cut(keep, tmp_path):
    # A chunk is 1 MiB: these are three.
    bag = write_bag(tmp_path / 'flight', count=200, compress=False)
    file = next(bag.glob('*.mcap'))
    cut(file, keep)
    frames, problems = frames_of(bag)
    assert 60 < len(frames) < 200
    for index, stamp, pixels in frames:
        assert stamp == stamp_of(index)
        np.testing.assert_array_equal(pixels, picture(index))
    assert problems == ['truncated']


def test_what_is_met_at_every_reading_is_told_once(tmp_path):
    bag = write_bag(tmp_path / 'flight', count=200, compress=False)
    cut(next(bag.glob('*.mcap')), 0.6)
    with Bag(bag) as opened:
        for _ in range(2):
            list(opened.messages([IMAGE_TOPIC]))
        (problem,) = opened.problems
    assert problem.count == 1


def test_a_truncated_mcap_without_one_whole_chunk_is_left_out(tmp_path):
    bag = write_bag(tmp_path / 'flight')
    file = next(bag.glob('*.mcap'))
    file.write_bytes(file.read_bytes()[:600])
    with pytest.raises(BagError, match='cut off at its beginning'):
        frames_of(bag)


@pytest.mark.parametrize('storage', ['sqlite3', 'ros1'])
def test_a_damaged_file_of_another_format_gives_one_line(storage, tmp_path):
    if storage == 'ros1':
        file = bag = write_ros1_bag(tmp_path / 'flight.bag', count=40)
    else:
        bag = write_bag(tmp_path / 'flight', count=40, storage='sqlite3', compress=False)
        file = next(bag.glob('*.db3'))
    cut(file, 0.5)
    try:
        frames, problems = frames_of(bag)
    except BagError as error:
        assert error.kind == 'unreadable' and '\n' not in str(error)
    else:
        assert len(frames) < 40 and problems == ['damaged']


def test_an_mcap_without_an_index_is_whole(tmp_path):
    bag = write_bag(tmp_path / 'flight')
    rewrite_mcap(next(bag.glob('*.mcap')), use_chunking=False, index_types=IndexType.NONE,
                 use_statistics=False, use_summary_offsets=False)
    frames, problems = frames_of(bag)
    assert [index for index, _, _ in frames] == list(range(6))
    assert problems == []


def test_a_type_that_nobody_defines_is_told_and_the_pictures_are_read(tmp_path):
    file = write_lone_mcap(tmp_path / 'flight')
    rewrite_mcap(file, undefined_topic='/boxes')
    with Bag(file) as bag:
        note_unknown_types(bag)
        assert len(list(recorded_frames(bag, IMAGE_TOPIC))) == 6
        (problem,) = bag.problems
    assert problem.kind == 'unknown_type'
    assert '/boxes holds vendor_msgs/msg/Boxes' in problem.text


def test_a_named_topic_of_a_type_that_nobody_defines_is_told(tmp_path):
    file = write_lone_mcap(tmp_path / 'flight')
    rewrite_mcap(file, undefined_topic='/boxes')
    with Bag(file) as bag, pytest.raises(BagError, match='/boxes holds vendor_msgs') as error:
        choose_topics(bag, '/boxes')
    assert error.value.kind == 'unknown_type'


def test_a_file_that_is_missing_leaves_the_others(tmp_path):
    bag = write_split_bag(tmp_path / 'flight')
    (bag / 'flight_0.mcap').unlink()
    frames, problems = frames_of(bag)
    assert [stamp for _, stamp, _ in frames] == [stamp_of(i) for i in (3, 4, 5)]
    assert problems == ['missing_file']


def test_a_file_of_a_split_bag_that_is_no_mcap_leaves_the_others(tmp_path):
    bag = write_split_bag(tmp_path / 'flight')
    (bag / 'flight_1.mcap').write_bytes(b'not at all')
    frames, problems = frames_of(bag)
    assert len(frames) == 3
    assert problems == ['unreadable']


def test_stamps_that_jump_back_are_told_and_break_the_sequence(tmp_path):
    stamps = [stamp_of(i) for i in (0, 1, 2, 0, 1, 2)]
    path = write_bag(tmp_path / 'flight', stamps=stamps)
    with Bag(path) as bag:
        frames = list(recorded_frames(bag, IMAGE_TOPIC))
        problems = list(bag.problems)
    assert [f.follows for f in frames] == [False, True, True, False, True, True]
    assert [f.next_stamp_ns for f in frames] == stamps[1:] + [None]
    assert [p.kind for p in problems] == ['stamps_back']
    assert 'jump back by 0.200 s at frame 3' in problems[0].text


def test_a_picture_that_cannot_be_read_is_left_out_and_counted(tmp_path):
    with BagWriter(tmp_path / 'flight') as writer:
        writer.add_topic(IMAGE_TOPIC, IMAGE)
        for index in range(5):
            encoding = 'martian8' if index in (1, 3) else 'bgr8'
            writer.write_image(IMAGE_TOPIC, stamp_of(index), picture(index), encoding)
    with Bag(tmp_path / 'flight') as bag:
        frames = list(recorded_frames(bag, IMAGE_TOPIC))
        (problem,) = bag.problems
    assert [(f.index, f.follows) for f in frames] == [(0, False), (2, False), (4, False)]
    assert (problem.kind, problem.count) == ('bad_frame', 2)
    assert "frame 1 is left out: encoding 'martian8'" in problem.text


@pytest.mark.parametrize('topics, named, chosen', [
    ([('/cam', 1)], '', ('/cam', '')),
    ([('/cam', 1), ('/cam2', 1)], '/cam2', ('/cam2', '')),
    ([('/camera/image', 1), ('/camera/truth', 1)], '', ('/camera/image', '/camera/truth')),
    ([('/camera/image', 1), ('/ground_truth', 1)], '', ('/camera/image', '/ground_truth')),
    ([('/camera/image', 1), ('/segmenter/labels', 1), ('/segmenter/overlay', 1)], '',
     ('/camera/image', '')),
], ids=['the only one', 'named', 'truth beside it', 'ground truth', 'results of the segmenter'])
def test_topics_are_found(topics, named, chosen, tmp_path):
    with Bag(write_topics(tmp_path / 'flight', topics)) as bag:
        assert choose_topics(bag, named) == chosen


@pytest.mark.parametrize('topics, named, kind, words', [
    ([('/left', 1), ('/right', 1)], '', 'ambiguous_topic', '--topic: /left, /right'),
    ([('/cam', 1)], '/wrong', 'no_image_topic', 'no topic /wrong; the bag holds /cam'),
    ([('/cam', 0)], '', 'empty', '/cam has no message'),
    ([('/left', 0), ('/right', 0)], '', 'empty', 'holds no message'),
    ([('/cam', 0), ('/other', 1)], '/cam', 'empty', '/cam has no message'),
], ids=['two', 'named wrongly', 'one topic, empty', 'several topics, empty', 'named, empty'])
def test_topics_that_cannot_be_chosen_are_told(topics, named, kind, words, tmp_path):
    with Bag(write_topics(tmp_path / 'flight', topics)) as bag:
        with pytest.raises(BagError, match=words) as error:
            choose_topics(bag, named)
    assert error.value.kind == kind
    assert '\n' not in str(error.value)


def test_a_bag_without_pictures_lists_what_it_holds(tmp_path):
    with BagWriter(tmp_path / 'flight') as writer:
        writer.add_topic('/chatter', 'std_msgs/msg/String')
        writer.write_text('/chatter', stamp_of(0), 'hello')
    with Bag(tmp_path / 'flight') as bag, pytest.raises(BagError) as error:
        choose_topics(bag)
    assert error.value.kind == 'no_image_topic'
    assert '/chatter (std_msgs/msg/String)' in str(error.value)


@pytest.mark.parametrize('content', [b'', b'x' * 100, b'\x89MCAP0\r\n'],
                         ids=['empty', 'foreign', 'only the magic'])
@pytest.mark.parametrize('name', ['a.mcap', 'a.db3', 'a.bag'])
def test_a_file_that_is_no_bag_gives_one_line(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BagError) as error:
        Bag(tmp_path / name)
    assert error.value.kind == 'unreadable'
    assert str(tmp_path / name) in str(error.value) and '\n' not in str(error.value)


def test_bags_are_found_in_folders_and_lists(tmp_path):
    split = without_metadata(write_split_bag(tmp_path / 'all' / 'split'))
    plain = write_bag(tmp_path / 'all' / 'deep' / 'plain')
    ros1 = write_ros1_bag(tmp_path / 'all' / 'old.bag')
    lone = write_lone_mcap(tmp_path / 'elsewhere')
    (tmp_path / 'list.txt').write_text(f'# ours\nall\n\n{lone.name}\nmissing\n')
    assert find_bags([], tmp_path / 'list.txt') == [
        ros1, plain, split, lone, tmp_path / 'missing']


def test_a_bag_that_is_named_by_several_paths_is_found_once(tmp_path, monkeypatch):
    bag = write_bag(tmp_path / 'flight')
    (tmp_path / 'link').symlink_to(bag)
    monkeypatch.chdir(tmp_path)
    assert find_bags(['flight', bag, tmp_path, 'link']) == [Path('flight')]


def test_a_folder_without_bags_is_a_mistake(tmp_path):
    with pytest.raises(UserError, match='no bag in this folder'):
        find_bags([tmp_path])


@pytest.mark.parametrize('name, expected', [
    ('flight.bag', 'flight'), ('flight_0.mcap.zstd', 'flight_0'), ('run.2.db3', 'run.2'),
])
def test_names_lose_their_endings(name, expected, tmp_path):
    assert bag_name(tmp_path / name) == expected


def test_a_truth_topic_can_be_named(tmp_path):
    with Bag(write_bag(tmp_path / 'flight', truth_topic='/labels')) as bag:
        assert choose_topics(bag, truth_topic='/labels') == (IMAGE_TOPIC, '/labels')
        assert TRUTH_TOPIC not in bag.topics


def test_the_offline_side_needs_no_ros():
    modules = [f'effvit_ros.bags.{p.stem}'
               for p in sorted(Path(effvit_ros.bags.__file__).parent.glob('*.py'))]
    modules += ['effvit_ros.evaluation.evaluate_bag', 'effvit_ros.evaluation.compare_reports']
    program = ('import importlib, sys\n'
               f'for name in {modules!r}: importlib.import_module(name)\n'
               'print([m for m in sys.modules if m == "rclpy" or m.endswith("_msgs")])')
    result = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                            env=dict(os.environ, PYTHONPATH=str(ROOT)))
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == '[]'
