"""Room for recordings: what is counted, what is deleted first, what is never touched."""
from __future__ import annotations

from collections import namedtuple

import pytest

from effvit_ros.onboard.bag_room import BagRoom

MB = 1_000_000
Usage = namedtuple('Usage', 'free')


@pytest.fixture
def folder(tmp_path):
    """Return a folder with 3 recordings of 2 MB, 3 MB and 4 x 1 MB."""
    write(tmp_path, 'flight_0009/flight_0009_0.mcap', 2)
    write(tmp_path, 'flight_0010/flight_0010_0.db3', 3)
    for split in (9, 10, 11, 12):
        write(tmp_path, f'flight_0011/flight_0011_{split}.mcap', 1)
    return tmp_path


def write(folder, name, megabytes):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(bytes(megabytes * MB))


def left(folder):
    return sorted(f.name for f in folder.rglob('*') if f.is_file())


def test_recordings_are_numbered_on(folder, tmp_path_factory):
    assert BagRoom(folder, 0, 0).next_bag() == folder / 'flight_0012'
    assert BagRoom(tmp_path_factory.mktemp('e'), 0, 0).next_bag().name == 'flight_0001'
    (folder / 'flight_9999').mkdir()
    (folder / 'flight_10000').mkdir()
    assert BagRoom(folder, 0, 0).next_bag().name == 'flight_10001'


@pytest.mark.parametrize('total, min_free, free, excess', [
    (9, 0, 0, 0),
    (8, 0, 0, 1 * MB),
    (0, 5, 5, 0),
    (0, 5, 2, 3 * MB),
    (8, 5, 2, 3 * MB),
    (0, 0, 0, 0),
], ids=['just fits', 'too large', 'just free enough', 'disk full', 'the worse of both',
        'no limits'])
def test_excess(folder, total, min_free, free, excess):
    room = BagRoom(folder, total, min_free, lambda _: Usage(free * MB))
    assert room.excess() == excess


@pytest.mark.parametrize('total, deleted', [
    (9, []),
    (8, ['flight_0009']),
    (6, ['flight_0009', 'flight_0010']),
    (3, ['flight_0009', 'flight_0010', 'flight_0011_9.mcap']),
    (1, ['flight_0009', 'flight_0010', 'flight_0011_9.mcap', 'flight_0011_10.mcap',
         'flight_0011_11.mcap']),
])
def test_the_oldest_go_first_and_the_running_recording_last(folder, total, deleted):
    paths, enough = BagRoom(folder, total, 0).make_room(folder / 'flight_0011')
    assert ([path.name for path in paths], enough) == (deleted, True)


def test_the_file_being_written_is_never_deleted(folder):
    room = BagRoom(folder, 0, 1, lambda _: Usage(0))
    _, enough = room.make_room(folder / 'flight_0011')
    assert not enough
    assert left(folder) == ['flight_0011_12.mcap']


def test_what_is_not_called_like_a_recording_is_neither_counted_nor_deleted(folder):
    write(folder, 'keep/flight_0001_0.mcap', 5)
    write(folder, 'flight_0011/notes.txt', 0)
    (folder / 'flight_0001').write_bytes(bytes(5 * MB))
    room = BagRoom(folder, 1, 0)
    assert room.excess() == 8 * MB
    room.make_room(folder / 'flight_0011')
    assert left(folder) == ['flight_0001', 'flight_0001_0.mcap', 'flight_0011_12.mcap',
                            'notes.txt']
