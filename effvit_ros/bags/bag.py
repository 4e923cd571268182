"""A whole bag: its storage files in order, its topics, its messages; opened by any name."""
from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
from contextlib import closing, ExitStack
from pathlib import Path
from typing import Dict, Generator, Iterable, List, Optional, Sequence, Tuple, Union

import yaml
import zstandard

from effvit_ros.bags.problems import BagError, Problems
from effvit_ros.bags.storage import (
    COMPRESSED_SUFFIX,
    open_storage,
    RawMessage,
    Storage,
    SUFFIXES,
    Topic,
)
from effvit_ros.core.picture_files import visible

METADATA = 'metadata.yaml'
#: First bytes of a zstd frame; CDR data begins with a zero byte, so the two can't be mixed up.
_ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'

#: Kinds of problems that say already that something is not read.
_EXPLAIN_COUNTS = ('missing_file', 'unnamed_file', 'truncated', 'damaged', 'unreadable',
                   'no_metadata')


class Bag:
    """
    A bag opened for reading, a context manager.

    ``path`` is a rosbag2 folder (with or without metadata.yaml), a lone .mcap or .db3, or a
    ROS 1 .bag; ``problems`` collects what was found wrong with it, by whoever reads it.
    """

    def __init__(self, path: Union[str, Path]) -> None:
        """
        Open every storage file; one that can't be opened is a problem, unless it is the only.

        :raises BagError: there is no such bag, or nothing in it can be opened.
        """
        self.path = Path(path)
        self.problems = Problems()
        self._open_files = ExitStack()
        self.files = storage_files(self.path, self.problems)
        #: The files with what lies next to them: all that decides what is read.
        self.contents = contents(self.files)
        self._storages: List[Storage] = []
        try:
            self._open_all()
        except BaseException:
            self.close()
            raise
        self.topics = _merged(self._storages)
        for storage in self._storages:
            self._tell_cut(storage)
        self._described = (described(self.path)[1] or {}) if self.path.is_dir() else {}
        for name, expected in self._described.items():
            self._compare(name, self.count(name) if name in self.topics else 0, expected)

    @property
    def name(self) -> str:
        """Return a name for people: the folder's or the file's without its ending."""
        return bag_name(self.path)

    def count(self, topic: str) -> int:
        """Return how many messages the topic has."""
        return self.topics[topic].count

    def messages(self, names: Sequence[str]) -> Generator[RawMessage, None, None]:
        """
        Yield :class:`~effvit_ros.bags.storage.RawMessage`, decompressed, file by file.

        Where a file can't be read on, that becomes a problem and the next file follows; so does,
        in the end, another number of messages than the bag itself says.
        """
        yielded = dict.fromkeys(names, 0)
        for storage in self._storages:
            try:
                for message in storage.messages(names):
                    if message.data[:4] == _ZSTD_MAGIC and not message.ros1:
                        message = message._replace(data=_decompress(message.data))
                    yielded[message.topic] += 1
                    yield message
            except BagError as error:
                self.problems.add_once(error.kind, str(error))
            self._tell_cut(storage)

        for name in names:
            self._compare(name, yielded[name], self._described.get(name, self.count(name)))

    def _tell_cut(self, storage: Storage) -> None:
        if not storage.whole:
            self.problems.add_once('truncated', f'{storage.path}: the file ends too early; what '
                                                'is before the cut is read')

    def _compare(self, name: str, count: int, expected: int) -> None:
        """Tell where messages are missing, or there are more, and nothing says why so far."""
        if count != expected and not any(p.kind in _EXPLAIN_COUNTS for p in self.problems):
            self.problems.add_once(
                'count', f'{self.path}: {name} has {count} messages, the bag itself says '
                f'{expected}')

    def close(self) -> None:
        """Close the files and remove what was decompressed."""
        self._open_files.close()

    def __enter__(self) -> Bag:
        """Return itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    def _open_all(self) -> None:
        failures: List[BagError] = []
        for file in self.files:
            try:
                storage = open_storage(self._readable(file))
            except BagError as error:
                failures.append(error)
                continue
            self._open_files.callback(storage.close)
            self._storages.append(storage)
        if not self._storages:
            raise failures[0] if failures else BagError(
                'empty', f'{self.path}: the bag has no storage file')
        for failure in failures:
            self.problems.add(failure.kind, str(failure))

    def _readable(self, file: Path) -> Path:
        """
        Return the file itself, or a temporary one: decompressed, or with its journal in it.

        :raises BagError: the journal can't be read.
        """
        unfinished = journals(file)
        if file.suffix != COMPRESSED_SUFFIX and not unfinished:
            return file
        folder = Path(self._open_files.enter_context(tempfile.TemporaryDirectory()))
        if unfinished:
            return _merged_journal(file, unfinished, folder)
        target = folder / file.stem
        try:
            with open(file, 'rb') as source, open(target, 'wb') as sink:
                with zstandard.ZstdDecompressor().stream_reader(
                        source, read_across_frames=True) as reader:
                    shutil.copyfileobj(reader, sink, 1 << 20)
        except zstandard.ZstdError as error:
            self.problems.add('damaged', f'{file}: {error}')
        return target


def bag_name(path: Union[str, Path]) -> str:
    """Return a bag's name without the endings of its format."""
    path = Path(path).resolve()
    if path.is_dir():
        return path.name
    name = _uncompressed(path)
    for suffix in SUFFIXES:
        name = name[:-len(suffix)] if name.endswith(suffix) else name
    return name


def storage_files(path: Path, problems: Problems) -> List[Path]:
    """
    Return the storage files of the bag at ``path`` in their order.

    :raises BagError: there is no bag, or there are several.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise BagError('unreadable', f'{path}: no such bag')
    found = [p for p in visible(path) if is_storage(p)]
    if not (path / METADATA).is_file():
        return _without_metadata(path, found, problems)
    named = described(path)[0]
    if named is None:
        if not found:
            raise BagError('unreadable', f'{path / METADATA}: not a rosbag2 description')
        problems.add('no_metadata', f'{path / METADATA}: not a rosbag2 description; '
                     f'reading {", ".join(p.name for p in found)}')
        return found
    for name in named:
        if not (path / name).is_file():
            problems.add('missing_file', f'{path / name}: missing, though {METADATA} names it')
    for file in found:
        # Players leave what they decompressed next to the compressed file.
        if not {file.name, file.name + COMPRESSED_SUFFIX} & set(named):
            problems.add('unnamed_file', f'{file}: not read, because {METADATA} does not name it')
    return [path / name for name in named if (path / name).is_file()]


def described(path: Path) -> Tuple[Optional[List[str]], Optional[Dict[str, int]]]:
    """
    Return the names of the storage files and the messages of each topic by metadata.yaml.

    Both are None where there is no such description; the second also where it does not say.
    """
    try:
        information = yaml.safe_load((path / METADATA).read_text(encoding='utf-8-sig'))
        information = information['rosbag2_bagfile_information']
        names = [Path(name).name for name in information['relative_file_paths']]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        return None, None
    try:
        counts = {topic['topic_metadata']['name']: int(topic['message_count'])
                  for topic in information['topics_with_message_count']}
    except (ValueError, KeyError, TypeError):
        return names, None
    return names, counts


def is_storage(path: Path) -> bool:
    """Return whether a file's name is that of a storage file."""
    return path.is_file() and _uncompressed(path).endswith(SUFFIXES)


def is_part_of(folder: Path, file: Path) -> bool:
    """Return whether rosbag2 gave a file its name after the bag's folder: flight/flight_0.mcap."""
    stem, _, suffix = _uncompressed(file).rpartition('.')
    own = folder.resolve().name
    return suffix != 'bag' and re.fullmatch(re.escape(own) + '(_[0-9]+)?', stem) is not None


def journals(file: Path) -> List[Path]:
    """Return what sqlite has written next to a .db3 and not into it, as a killed recorder does."""
    adjacent = [file.with_name(file.name + ending) for ending in ('-wal', '-journal')]
    return [path for path in adjacent if path.is_file() and path.stat().st_size]


def contents(files: Iterable[Path]) -> List[Path]:
    """Return storage files, each followed by its journals: all that a bag's messages lie in."""
    return [path for file in files for path in (file, *journals(file))]


def _without_metadata(path: Path, found: List[Path], problems: Problems) -> List[Path]:
    if not found:
        raise BagError('unreadable', f'{path}: no {METADATA} and no storage file in it')
    if all(is_part_of(path, file) for file in found):
        problems.add('no_metadata', f'{path}: {METADATA} is missing; '
                     f'reading {", ".join(p.name for p in found)}')
    elif len(found) > 1:
        raise BagError('unreadable', f'{path}: {len(found)} bags and no {METADATA}: name one: '
                       + ', '.join(file.name for file in found))
    return found


def _uncompressed(path: Path) -> str:
    name = path.name
    return name[:-len(COMPRESSED_SUFFIX)] if name.endswith(COMPRESSED_SUFFIX) else name


def _merged_journal(file: Path, unfinished: Sequence[Path], folder: Path) -> Path:
    """Return a copy of a .db3 in ``folder`` that holds what lay in its journals."""
    try:
        for path in (file, *unfinished):
            shutil.copyfile(path, folder / path.name)
        with closing(sqlite3.connect(folder / file.name)) as database:
            database.execute('pragma journal_mode=delete')
    except (OSError, sqlite3.Error) as error:
        raise BagError('damaged', f'{file}: its journal cannot be read: {error}') from None
    return folder / file.name


def _merged(storages: Iterable[Storage]) -> Dict[str, Topic]:
    topics: Dict[str, Topic] = {}
    for storage in storages:
        for topic in storage.topics:
            known = topics.get(topic.name)
            if known is not None:
                topic = Topic(topic.name, known.type, known.count + topic.count,
                              known.defined or topic.defined, known.qos or topic.qos)
            topics[topic.name] = topic
    return topics


def _decompress(data: bytes) -> bytes:
    # Messages that rosbag2 compressed hold their size, others' may not.
    with zstandard.ZstdDecompressor().stream_reader(data) as reader:
        return reader.read()
