"""
One storage file of a bag, of whatever format, as topics and raw messages.

``rosbags`` reads rosbag2's mcap and sqlite3 and ROS 1's .bag. What it refuses is read by
``mcap``: files without an index because the recorder lost its power, up to where they end, and
files of other recorders, with channels that are no ROS messages among the others.
"""
from __future__ import annotations

from pathlib import Path
from typing import Collection, Dict, Iterator, NamedTuple, Optional, Tuple, Union

from mcap.reader import make_reader
from mcap.records import Channel, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader
from rosbags.interfaces import ConnectionExtRosbag2, Qos
from rosbags.rosbag1 import Reader as Rosbag1Reader
from rosbags.rosbag2 import Reader as Rosbag2Reader

from effvit_ros.bags.problems import BagError

#: Endings of storage files; rosbag2 adds ``.zstd`` to files that it compressed as a whole.
SUFFIXES = ('.mcap', '.db3', '.bag')
COMPRESSED_SUFFIX = '.zstd'
#: Bytes; a length beyond it is read from what is no record.
_LONGEST_RECORD = 1 << 30


class Topic(NamedTuple):
    """A topic as a file holds it; ``defined`` tells whether the file explains its type."""

    name: str
    type: str
    count: int  # type: ignore[assignment]  # hides tuple's method
    defined: bool
    #: The publishers' QoS as rosbags reads them.
    qos: Tuple[Qos, ...] = ()
    #: How messages are serialized where that is neither CDR nor ROS 1's way: they are not read.
    foreign: str = ''


class RawMessage(NamedTuple):
    """One message: bytes in CDR, or in ROS 1's format where ``ros1``; recorded at ``log_ns``."""

    topic: str
    log_ns: int
    data: bytes
    ros1: bool


def open_storage(path: Union[str, Path]) -> Storage:
    """
    Return the file opened, as :class:`RosbagsFile`, :class:`McapFile` or :class:`McapStream`.

    :raises BagError: ``unreadable``, when it is no bag file or damaged at its beginning.
    """
    path = Path(path)
    if path.suffix == '.mcap' and not _has_chunk_index(path):
        return McapStream(path)
    try:
        return RosbagsFile(path)
    except BagError:
        if path.suffix != '.mcap':
            raise
        return McapFile(path)


class RosbagsFile:
    """A file that rosbags reads."""

    #: False where the file was found to end too early.
    whole = True

    def __init__(self, path: Path) -> None:
        """
        Open the file and read its index.

        :raises BagError: it can't be opened.
        """
        self.path = path
        self._ros1 = path.suffix == '.bag'
        try:
            self._reader = (Rosbag1Reader if self._ros1 else Rosbag2Reader)(path)
            self._reader.open()
        except Exception as error:  # rosbags lets many types through on damaged files
            raise BagError('unreadable', f'{path}: {_reason(error)}') from None
        self.topics = [
            Topic(c.topic, c.msgtype, c.msgcount, bool(c.msgdef.data),
                  tuple(c.ext.offered_qos_profiles)
                  if isinstance(c.ext, ConnectionExtRosbag2) else ())
            for c in self._reader.connections]

    def messages(self, names: Collection[str]) -> Iterator[RawMessage]:
        """
        Yield the :class:`RawMessage` of these topics, in the order of recording.

        :raises BagError: ``damaged``, when the file can't be read on.
        """
        connections = [c for c in self._reader.connections if c.topic in names]
        if not connections:
            return
        messages = iter(self._reader.messages(connections=connections))
        while True:
            try:
                connection, log_ns, data = next(messages)
            except StopIteration:
                return
            except Exception as error:
                raise BagError('damaged', f'{self.path}: {_reason(error)}') from None
            yield RawMessage(connection.topic, log_ns, data, self._ros1)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()


class McapFile:
    """An mcap file with an index that is not rosbag2's alone: other profiles, other channels."""

    #: As for :class:`RosbagsFile`.
    whole = True

    def __init__(self, path: Path) -> None:
        """
        Read the summary.

        :raises BagError: it can't be read.
        """
        self.path = path
        try:
            with open(path, 'rb') as file:
                summary = make_reader(file).get_summary()
        except Exception as error:  # as for rosbags
            raise BagError('unreadable', f'{path}: {_reason(error)}') from None
        if summary is None:
            raise BagError('unreadable', f'{path}: no index at its end')
        counts = summary.statistics.channel_message_counts if summary.statistics else {}
        self.topics = [
            _topic(channel, summary.schemas.get(channel.schema_id), counts.get(number, 0))
            for number, channel in summary.channels.items()]

    def messages(self, names: Collection[str]) -> Iterator[RawMessage]:
        """
        Yield the :class:`RawMessage` of these topics, in the order of recording.

        :raises BagError: ``damaged``, when the file can't be read on.
        """
        with open(self.path, 'rb') as file:
            found = make_reader(file, validate_crcs=True).iter_messages(topics=list(names))
            while True:
                try:
                    _, channel, message = next(found)
                except StopIteration:
                    return
                except Exception as error:
                    raise BagError('damaged', f'{self.path}: {_reason(error)}') from None
                if _is_ros(channel):
                    yield RawMessage(channel.topic, message.log_time, message.data,
                                     _is_ros1(channel))

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""


class McapStream:
    """An mcap file without an index, read from its beginning in the order of writing."""

    def __init__(self, path: Path) -> None:
        """
        Scan the file once for its topics.

        :raises BagError: it is no mcap file.
        """
        self.path = path
        self.whole = True
        schemas: Dict[int, Schema] = {}
        channels: Dict[int, Channel] = {}
        counts: Dict[int, int] = {}
        for record in self._records():
            if isinstance(record, Schema):
                schemas[record.id] = record
            elif isinstance(record, Channel):
                channels[record.id] = record
            elif isinstance(record, Message):
                counts[record.channel_id] = counts.get(record.channel_id, 0) + 1
        if not channels and not self.whole:
            raise BagError('unreadable', f'{path}: no mcap file, or cut off at its beginning')
        self.topics = [_topic(channel, schemas.get(channel.schema_id), counts.get(number, 0))
                       for number, channel in channels.items()]

    def messages(self, names: Collection[str]) -> Iterator[RawMessage]:
        """Yield the :class:`RawMessage` of these topics up to the end, or the cut."""
        wanted: Dict[int, Channel] = {}
        for record in self._records():
            if isinstance(record, Channel) and record.topic in names and _is_ros(record):
                wanted[record.id] = record
            elif isinstance(record, Message) and record.channel_id in wanted:
                channel = wanted[record.channel_id]
                yield RawMessage(channel.topic, record.log_time, record.data, _is_ros1(channel))

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""

    def _records(self) -> Iterator[McapRecord]:
        with open(self.path, 'rb') as file:
            records = iter(StreamReader(file, record_size_limit=_LONGEST_RECORD).records)
            while True:
                try:
                    record = next(records)
                except StopIteration:
                    return
                except Exception:  # what a cut or foreign bytes lead to is not one type
                    self.whole = False
                    return
                yield record


#: A storage file, whatever reads it.
Storage = Union[RosbagsFile, McapFile, McapStream]


def _topic(channel: Channel, schema: Optional[Schema], count: int) -> Topic:
    """Return a channel of an mcap file as a :class:`Topic`, its type as ROS 2 writes it."""
    name = schema.name if schema else ''
    if not _is_ros(channel):
        return Topic(channel.topic, name or 'data', count, False,
                     foreign=channel.message_encoding or 'an unnamed encoding')
    package, _, message = name.rpartition('/')
    if package and '/' not in package:
        name = f'{package}/msg/{message}'
    return Topic(channel.topic, name, count, bool(schema and schema.data))


def _is_ros(channel: Channel) -> bool:
    return channel.message_encoding == 'cdr' or _is_ros1(channel)


def _is_ros1(channel: Channel) -> bool:
    return channel.message_encoding == 'ros1'


def _has_chunk_index(path: Path) -> bool:
    try:
        with open(path, 'rb') as file:
            summary = make_reader(file).get_summary()
    except OSError as error:
        raise BagError('unreadable', f'{path}: {error.strerror}') from None
    except Exception:  # no mcap file, or one that was cut off: reading it as a stream tells
        return False
    return summary is not None and bool(summary.chunk_indexes)


def _reason(error: Exception) -> str:
    text = ' '.join(str(a) for a in error.args) or type(error).__name__
    return ' '.join(text.split())
