"""What a recording holds is read, or told: journals, counts, files beside, foreign channels."""
from __future__ import annotations

import shutil

import numpy as np
import pytest
import yaml
from bag_files import (
    IMAGE_TOPIC,
    picture,
    stamp_of,
    write_bag,
    write_foreign_mcap,
    write_killed_bag,
    write_lone_mcap,
    write_split_bag,
)

from effvit_ros.bags.bag import Bag, bag_name, contents
from effvit_ros.bags.find_bags import bags_under, find_bags
from effvit_ros.bags.frames import recorded_frames
from effvit_ros.bags.pictures import choose_topics, COMPRESSED, IMAGE, note_unknown_types
from effvit_ros.bags.problems import BagError
from effvit_ros.bags.writer import BagWriter, encode


def frames_and_problems(path, **options):
    """Return the frames of a bag and the kinds of problems that were met."""
    with Bag(path) as bag:
        note_unknown_types(bag)
        frames = list(recorded_frames(bag, choose_topics(bag)[0], **options))
        return frames, [problem.kind for problem in bag.problems]


def test_messages_that_a_killed_recorder_left_in_the_journal_are_read(tmp_path):
    bag = write_killed_bag(tmp_path / 'killed')
    assert [path.name for path in contents(sorted(bag.glob('*.db3')))] == [
        'killed_whole.db3', 'killed_whole.db3-wal']
    frames, problems = frames_and_problems(bag)
    assert [frame.stamp_ns for frame in frames] == [stamp_of(index) for index in range(6)]
    assert problems == []


@pytest.mark.parametrize('spoil', ['-wal', '-journal'])
def test_a_journal_that_is_none_is_told(spoil, tmp_path):
    bag = write_bag(tmp_path / 'flight', storage='sqlite3')
    database = next(bag.glob('*.db3'))
    database.with_name(database.name + spoil).write_bytes(b'no journal' * 100)
    frames, problems = frames_and_problems(bag)
    assert len(frames) == 6 and problems == []
    database.write_bytes(b'no database')
    with pytest.raises(BagError, match='its journal cannot be read'):
        Bag(bag)


def set_counts(bag, count):
    """Write another number of messages into a bag's metadata.yaml."""
    file = bag / 'metadata.yaml'
    content = yaml.safe_load(file.read_text())
    for topic in content['rosbag2_bagfile_information']['topics_with_message_count']:
        topic['message_count'] = count
    file.write_text(yaml.safe_dump(content))


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
@pytest.mark.parametrize('said', [24, 2, 0], ids=['fewer read', 'more read', 'none expected'])
def test_another_number_of_messages_than_metadata_says_is_told(storage, said, tmp_path):
    bag = write_bag(tmp_path / 'flight', storage=storage, make_truth=None)
    set_counts(bag, said)
    with Bag(bag) as opened:
        (problem,) = opened.problems
    assert problem.kind == 'count'
    assert problem.text.endswith(f'{IMAGE_TOPIC} has 6 messages, the bag itself says {said}')


def test_a_storage_file_that_metadata_does_not_name_is_told(tmp_path):
    bag = write_split_bag(tmp_path / 'flight')
    shutil.copy(bag / 'flight_1.mcap', bag / 'flight_2.mcap')
    frames, problems = frames_and_problems(bag)
    assert len(frames) == 6 and problems == ['unnamed_file']


def test_hidden_files_are_no_bags(tmp_path):
    bag = write_bag(tmp_path / 'all' / 'flight')
    for name in ('flight/._flight.mcap', '.trash/old.mcap', '__MACOSX/x.mcap', '._flight.mcap'):
        (tmp_path / 'all' / name).parent.mkdir(exist_ok=True)
        (tmp_path / 'all' / name).write_bytes(b'')
    assert bags_under(tmp_path / 'all') == [bag]
    assert frames_and_problems(bag)[1] == []


@pytest.mark.parametrize('names, found', [
    pytest.param(['flight_a.mcap'], ['flight_a'], id='a lone file'),
    pytest.param(['b_10.mcap', 'b_9.mcap'], ['b_9', 'b_10'], id='numbered flights'),
    pytest.param(['recordings_0.mcap', 'recordings_1.mcap'], ['recordings'],
                 id='a bag without metadata'),
    pytest.param(['recordings_0.mcap', 'other.mcap'], ['other', 'recordings_0'], id='both'),
])
def test_files_without_metadata_are_bags_of_their_own_names(names, found, tmp_path):
    file = write_lone_mcap(tmp_path / 'made')
    (tmp_path / 'recordings').mkdir()
    for name in names:
        shutil.copy(file, tmp_path / 'recordings' / name)
    assert [bag_name(bag) for bag in bags_under(tmp_path / 'recordings')] == found
    if len(found) > 1:
        with pytest.raises(BagError, match=f'2 bags and no metadata.yaml: name one: {found[0]}'):
            Bag(tmp_path / 'recordings')


def test_a_list_may_begin_with_a_byte_order_mark(tmp_path):
    bag = write_bag(tmp_path / 'flight')
    (tmp_path / 'list.txt').write_bytes('\ufeffflight\r\n'.encode())
    assert find_bags([], tmp_path / 'list.txt') == [bag]


@pytest.mark.parametrize('options, problems', [
    pytest.param({}, [], id='empty profile'),
    pytest.param({'profile': 'ros1', 'ros1': True}, [], id='ROS 1'),
    pytest.param({'profile': 'ros2', 'others': ['json', 'protobuf']}, ['unknown_type'] * 2,
                 id='JSON and protobuf beside'),
    pytest.param({'profile': 'px4', 'others': ['json']}, ['unknown_type'], id='another profile'),
])
def test_an_mcap_of_another_recorder_gives_its_pictures(options, problems, tmp_path):
    frames, found = frames_and_problems(write_foreign_mcap(tmp_path / 'a.mcap', **options))
    assert found == problems
    assert [frame.stamp_ns for frame in frames] == [stamp_of(index) for index in range(3)]
    np.testing.assert_array_equal(frames[2].picture.bgr(), picture(2))


def test_what_is_not_read_of_an_mcap_is_named_with_the_cure(tmp_path):
    with Bag(write_foreign_mcap(tmp_path / 'a.mcap', others=['json'])) as bag:
        note_unknown_types(bag)
        (problem,) = bag.problems
    assert problem.text.endswith('/json holds foxglove.Log in json, not ROS messages: not read; '
                                 'convert it to ROS 2, or record its ROS topic')


def write_images(path, topics):
    """Write a bag of {topic: (encoding, pixels)}; a format of CompressedImage where it has ;."""
    with BagWriter(path) as writer:
        for topic, (form, pixels) in topics.items():
            compressed = ';' in form
            writer.add_topic(topic, COMPRESSED if compressed else IMAGE)
            if compressed:
                writer.write_compressed(topic, stamp_of(0), encode(pixels, 'png'), form)
            else:
                writer.write_image(topic, stamp_of(0), pixels, form)
    return path


WIDE = np.full((4, 6), 1000, np.uint16)
PICTURE = ('bgr8', np.zeros((4, 6, 3), np.uint8))


@pytest.mark.parametrize('topics', [
    {'/color': PICTURE, '/depth': ('16UC1', WIDE.view(np.uint8))},
    {'/color': PICTURE, '/depth/compressedDepth': ('16UC1; compressedDepth png', WIDE)},
    {'/color': PICTURE, '/depth': ('32FC1', np.zeros((4, 24), np.uint8))},
], ids=['millimetres', 'compressed', 'metres'])
def test_distances_are_no_second_camera(topics, tmp_path):
    with Bag(write_images(tmp_path / 'bag', topics)) as bag:
        assert choose_topics(bag) == ('/color', '')


def test_a_bag_of_distances_alone_holds_no_picture(tmp_path):
    bag = write_images(tmp_path / 'bag', {'/depth': ('16UC1', WIDE.view(np.uint8))})
    with Bag(bag) as opened, pytest.raises(BagError, match=r'only distances: /depth \(16UC1\)'):
        choose_topics(opened)


@pytest.mark.parametrize('bits, problems, level', [
    (0, ['bit_depth'], 249), (10, [], 249), (12, [], 62), (16, [], 3)])
def test_the_bit_depth_of_a_bag_is_told_or_given(bits, problems, level, tmp_path):
    pixels = np.full((4, 6, 3), 999, '<u2').view(np.uint8)
    bag = write_images(tmp_path / 'bag', {'/camera': ('16UC3', pixels)})
    frames, found = frames_and_problems(bag, bit_depth=bits)
    assert found == problems and frames[0].picture.pixels[0, 0].tolist() == [level] * 3
