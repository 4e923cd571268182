"""A whole bag: its storage files in order, its topics, its messages; opened by any name."""
from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import yaml
import zstandard

from effvit_ros.bags.problems import BagError, Problems
from effvit_ros.bags.storage import COMPRESSED_SUFFIX, open_storage, SUFFIXES, Topic

METADATA = 'metadata.yaml'
#: First bytes of a zstd frame; CDR data begins with a zero byte, so the two can't be mixed up.
_ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'


class Bag:
    """
    A bag opened for reading, a context manager.

    ``path`` is a rosbag2 folder (with or without metadata.yaml), a lone .mcap or .db3, or a
    ROS 1 .bag; ``problems`` collects what was found wrong with it, by whoever reads it.
    """

    def __init__(self, path):
        """
        Open every storage file; one that can't be opened is a problem, unless it is the only.

        :raises BagError: there is no such bag, or nothing in it can be opened.
        """
        self.path = Path(path)
        self.problems = Problems()
        self._open_files = ExitStack()
        self.files = storage_files(self.path, self.problems)
        self._storages = []
        try:
            self._open_all()
        except BaseException:
            self.close()
            raise
        self.topics = _merged(self._storages)

    @property
    def name(self):
        """Return a name for people: the folder's or the file's without its ending."""
        return bag_name(self.path)

    def count(self, topic):
        """Return how many messages the topic has."""
        return self.topics[topic].count

    def messages(self, names):
        """
        Yield :class:`~effvit_ros.bags.storage.RawMessage`, decompressed, file by file.

        Where a file can't be read on, that becomes a problem and the next file follows.
        """
        for storage in self._storages:
            try:
                for message in storage.messages(names):
                    if message.data[:4] == _ZSTD_MAGIC and not message.ros1:
                        message = message._replace(data=_decompress(message.data))
                    yield message
            except BagError as error:
                self.problems.add_once(error.kind, str(error))
            if not storage.whole:
                self.problems.add_once(
                    'truncated', f'{storage.path}: the file ends too early; what is before '
                    'the cut is read')

    def close(self):
        """Close the files and remove what was decompressed."""
        self._open_files.close()

    def __enter__(self):
        """Return itself."""
        return self

    def __exit__(self, *exception):
        """Close."""
        self.close()

    def _open_all(self):
        failures = []
        for file in self.files:
            try:
                storage = open_storage(self._decompressed(file))
            except BagError as error:
                failures.append(error)
                continue
            self._open_files.callback(storage.close)
            self._storages.append(storage)
        if not self._storages:
            raise failures[0] if failures else BagError(
                'empty', f'{self.path}: the bag has no storage file')
        for error in failures:
            self.problems.add(error.kind, str(error))

    def _decompressed(self, file):
        """Return the file itself, or its content in a temporary file."""
        if file.suffix != COMPRESSED_SUFFIX:
            return file
        folder = Path(self._open_files.enter_context(tempfile.TemporaryDirectory()))
        target = folder / file.stem
        try:
            with open(file, 'rb') as source, open(target, 'wb') as sink:
                with zstandard.ZstdDecompressor().stream_reader(
                        source, read_across_frames=True) as reader:
                    shutil.copyfileobj(reader, sink, 1 << 20)
        except zstandard.ZstdError as error:
            self.problems.add('damaged', f'{file}: {error}')
        return target


def bag_name(path):
    """Return a bag's name without the endings of its format."""
    path = Path(path).resolve()
    name = path.name
    if not path.is_dir():
        for suffix in (COMPRESSED_SUFFIX,) + SUFFIXES:
            name = name[:-len(suffix)] if name.endswith(suffix) else name
    return name


def storage_files(path, problems):
    """
    Return the storage files of the bag at ``path`` in their order.

    :raises BagError: there is no bag.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise BagError('unreadable', f'{path}: no such bag')
    found = sorted((p for p in path.iterdir() if is_storage(p)), key=_natural)
    metadata = path / METADATA
    if not metadata.is_file():
        if not found:
            raise BagError('unreadable', f'{path}: no {METADATA} and no storage file in it')
        problems.add('no_metadata', f'{path}: {METADATA} is missing; '
                     f'reading {", ".join(p.name for p in found)}')
        return found
    try:
        information = yaml.safe_load(metadata.read_text(encoding='utf-8'))
        names = [Path(name).name for name in
                 information['rosbag2_bagfile_information']['relative_file_paths']]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        if not found:
            raise BagError('unreadable', f'{metadata}: not a rosbag2 description') from None
        problems.add('no_metadata', f'{metadata}: not a rosbag2 description; '
                     f'reading {", ".join(p.name for p in found)}')
        return found
    files = []
    for name in names:
        if (path / name).is_file():
            files.append(path / name)
        else:
            problems.add('missing_file', f'{path / name}: missing, though {METADATA} names it')
    return files


def is_storage(path):
    """Return whether a file's name is that of a storage file."""
    name = path.name
    if name.endswith(COMPRESSED_SUFFIX):
        name = name[:-len(COMPRESSED_SUFFIX)]
    return path.is_file() and name.endswith(SUFFIXES)


def _natural(path):
    """Return a sort key that puts flight_10 after flight_9."""
    return [int(part) if part.isdigit() else part for part in re.split(r'(\d+)', path.name)]


def _merged(storages):
    topics = {}
    for storage in storages:
        for topic in storage.topics:
            known = topics.get(topic.name)
            if known is not None:
                topic = Topic(topic.name, known.type, known.count + topic.count,
                              known.defined or topic.defined, known.qos or topic.qos)
            topics[topic.name] = topic
    return topics


def _decompress(data):
    # Messages that rosbag2 compressed hold their size, others' may not.
    with zstandard.ZstdDecompressor().stream_reader(data) as reader:
        return reader.read()
