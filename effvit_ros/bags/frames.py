"""The pictures of a topic as they were recorded, one after another."""
from __future__ import annotations

import time
from typing import (
    Any,
    Generator,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Tuple,
    TYPE_CHECKING,
)

from effvit_ros.bags.pictures import (
    frame_id_of,
    packet_of,
    picture_of,
    read_message,
    stamp_of,
    VIDEO_TYPES,
)
from effvit_ros.core.bit_depth import BitDepth
from effvit_ros.core.pixels import Picture, PictureError
from effvit_ros.core.video_packets import VideoDecoder

if TYPE_CHECKING:
    from effvit_ros.bags.bag import Bag


class RecordedFrame(NamedTuple):
    """
    One recorded picture.

    ``index`` counts the topic's messages from 0; ``stamp_ns`` is the header's stamp, or the time
    of recording where that is zero; ``follows`` tells whether the frame comes right after the
    one before, without a gap or a jump back in time.
    """

    index: int  # type: ignore[assignment]  # hides tuple's method
    stamp_ns: int
    next_stamp_ns: Optional[int]
    log_ns: int
    frame_id: str
    picture: Picture
    follows: bool
    read_ms: float
    decode_ms: float


def frame_stamps(bag: Bag, topic: str) -> List[int]:
    """Return the stamps of the topic's pictures in nanoseconds; only headers are looked at."""
    return [message.stamp_ns for message in _messages(bag, topic, f'{bag.path}: {topic}')]


class _Message(NamedTuple):
    index: int  # type: ignore[assignment]  # hides tuple's method
    stamp_ns: int
    log_ns: int
    image: Any
    read_ms: float


def recorded_frames(bag: Bag, topic: str,
                    bit_depth: int = 0) -> Generator[RecordedFrame, None, None]:
    """
    Yield a :class:`RecordedFrame` for every picture of the topic, in the order of recording.

    A picture that can't be read and stamps that jump back become problems of the bag; so does a
    bit depth that was taken from the values.

    :param bit_depth: of pictures of 16 bits, see :class:`~effvit_ros.core.bit_depth.BitDepth`.
    """
    where = f'{bag.path}: {topic}'
    depth = BitDepth(bit_depth)
    video = VideoDecoder() if bag.topics[topic].type in VIDEO_TYPES else None
    read = previous = None
    for message, next_stamp in _with_next_stamp(_messages(bag, topic, where)):
        follows = (previous is not None and message.stamp_ns >= previous.stamp_ns
                   and message.index == previous.index + 1)
        start = time.perf_counter()
        try:
            if video is None:
                picture = picture_of(message.image, depth)
            else:
                if read is not None and message.index != read + 1:
                    video.lost()
                read = message.index
                picture = video.decode(*packet_of(message.image))
        except PictureError as error:
            bag.problems.add('bad_frame', f'{where}: frame {message.index} is left out: {error}',
                             subject=topic)
            continue
        decode_ms = (time.perf_counter() - start) * 1e3
        previous = message
        yield RecordedFrame(message.index, message.stamp_ns, next_stamp, message.log_ns,
                            frame_id_of(message.image), picture, follows, message.read_ms,
                            decode_ms)
    if depth.guess:
        bag.problems.add('bit_depth', f'{where}: no value needs more than {depth.guess} of 16 '
                         f'bits: taken as {depth.guess} bits (--bit-depth {depth.guess}, or 16)')


def _messages(bag: Bag, topic: str, where: str) -> Iterator[_Message]:
    """Yield the topic's messages, deserialized; what can't be and jumps back become problems."""
    message_type = bag.topics[topic].type
    last_ns = None
    start = time.perf_counter()
    for index, raw in enumerate(bag.messages([topic])):
        try:
            image = read_message(raw, message_type)
        except PictureError as error:
            bag.problems.add('bad_frame', f'{where}: frame {index} is left out: {error}',
                             subject=topic)
        else:
            read_ms = (time.perf_counter() - start) * 1e3
            stamp_ns = stamp_of(image, raw.log_ns)
            if last_ns is not None and stamp_ns < last_ns:
                bag.problems.add('stamps_back', f'{where}: stamps jump back by '
                                 f'{(last_ns - stamp_ns) * 1e-9:.3f} s at frame {index}',
                                 subject=topic)
            last_ns = stamp_ns
            yield _Message(index, stamp_ns, raw.log_ns, image, read_ms)
        start = time.perf_counter()


def _with_next_stamp(messages: Iterable[_Message]) -> Iterator[Tuple[_Message, Optional[int]]]:
    """Yield each message with the stamp of the one after it, None at the end."""
    current = None
    for following in messages:
        if current is not None:
            yield current, following.stamp_ns
        current = following
    if current is not None:
        yield current, None
