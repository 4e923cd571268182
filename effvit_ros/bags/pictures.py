"""Which topic of a bag holds the pictures, and how its messages become pictures."""
from __future__ import annotations

from contextlib import closing
from functools import lru_cache
from typing import Any, List, Mapping, Optional, Tuple, TYPE_CHECKING

from rosbags.typesys import get_types_from_msg, get_typestore, Stores
from rosbags.typesys.store import Typestore

from effvit_ros.bags.problems import BagError
from effvit_ros.core.bit_depth import BitDepth
from effvit_ros.core.pixels import (
    decode,
    decode_compressed,
    means_distances,
    Picture,
    PictureError,
)

if TYPE_CHECKING:
    from effvit_ros.bags.bag import Bag
    from effvit_ros.bags.storage import RawMessage, Topic

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
FOXGLOVE_VIDEO = 'foxglove_msgs/msg/CompressedVideo'
FFMPEG_VIDEO = 'ffmpeg_image_transport_msgs/msg/FFMPEGPacket'
#: Types whose messages are packets of a video, with their definitions.
VIDEO_TYPES = {
    FOXGLOVE_VIDEO: 'builtin_interfaces/Time timestamp\nstring frame_id\nuint8[] data\n'
                    'string format\n',
    FFMPEG_VIDEO: 'std_msgs/Header header\nint32 width\nint32 height\nstring encoding\n'
                  'uint64 pts\nuint8 flags\nbool is_bigendian\nuint8[] data\n'}
IMAGE_TYPES = (IMAGE, COMPRESSED, *VIDEO_TYPES)
#: Last parts of topic names under which cameras and make_bag publish label maps.
TRUTH_NAMES = ('truth', 'ground_truth')
#: Last parts of the topics that the segmenter itself publishes: never taken for a camera.
RESULT_NAMES = ('labels', 'confidence', 'overlay')


def choose_topics(bag: Bag, image_topic: str = '', truth_topic: str = '') -> Tuple[str, str]:
    """
    Return the names of the image topic and of the truth topic ('' where there is none).

    Named topics are taken; else the image topic is the only one of an image type that holds
    pictures, not distances, and is not called like a truth or like the segmenter's results.

    :raises BagError: a named topic is not there or has no image type, no topic or several hold
        pictures, or there is no message.
    """
    topics = bag.topics
    for name in filter(None, (image_topic, truth_topic)):
        if name not in topics:
            raise BagError('no_image_topic', f'{bag.path}: no topic {name}; {_listing(topics)}')
        if topics[name].type not in IMAGE_TYPES:
            kind = 'no_image_topic' if topics[name].defined else 'unknown_type'
            why = '' if topics[name].defined else ', which the bag does not define'
            why = f' in {topics[name].foreign}' if topics[name].foreign else why
            raise BagError(kind, f'{bag.path}: {name} holds {topics[name].type}{why}, '
                                 'not sensor_msgs Image or CompressedImage, nor video')
    pictures = [t.name for t in topics.values() if t.type in IMAGE_TYPES]
    if not truth_topic:
        truths = [n for n in pictures if _last(n) in TRUTH_NAMES and n != image_topic]
        truth_topic = truths[0] if len(truths) == 1 else ''
    if not image_topic:
        image_topic = _only_camera(bag, [n for n in pictures if n != truth_topic])
    if not topics[image_topic].count:
        raise BagError('empty', f'{bag.path}: {image_topic} has no message')
    return image_topic, truth_topic


def note_unknown_types(bag: Bag) -> None:
    """Make a problem of each topic whose type nobody defines."""
    for topic in bag.topics.values():
        if topic.foreign:
            bag.problems.add(
                'unknown_type', f'{bag.path}: {topic.name} holds {topic.type} in {topic.foreign}, '
                'not ROS messages: not read; convert it to ROS 2, or record its ROS topic',
                subject=topic.name)
        elif not topic.defined and topic.type not in standard_types(False).fielddefs:
            bag.problems.add(
                'unknown_type', f'{bag.path}: {topic.name} holds {topic.type}, which the bag '
                'does not define: not read', subject=topic.name)


def picture_of(image: Any, depth: Optional[BitDepth] = None) -> Picture:
    """
    Return the :class:`~effvit_ros.core.pixels.Picture` in a deserialized image message.

    :param depth: the topic's :class:`~effvit_ros.core.bit_depth.BitDepth`.
    :raises PictureError: it can't be decoded.
    """
    if image.__msgtype__ in VIDEO_TYPES:
        raise PictureError('encoding', 'a packet of a video is no picture by itself')
    if image.__msgtype__ == COMPRESSED:
        return decode_compressed(image.data, image.format, depth)
    return decode(image.data, image.height, image.width, image.encoding, image.step,
                  bool(image.is_bigendian), depth)


def stamp_of(image: Any, log_ns: int) -> int:
    """Return the header's stamp in nanoseconds, or the time of recording where it is zero."""
    stamp = image.timestamp if image.__msgtype__ == FOXGLOVE_VIDEO else image.header.stamp
    return stamp.sec * 10**9 + stamp.nanosec or log_ns


def frame_id_of(image: Any) -> str:
    """Return the frame that the picture was taken in."""
    return (image if image.__msgtype__ == FOXGLOVE_VIDEO else image.header).frame_id


def packet_of(image: Any) -> Tuple[Any, str]:
    """Return (data, codec) of a message of :data:`VIDEO_TYPES`."""
    return image.data, (image.format if image.__msgtype__ == FOXGLOVE_VIDEO else image.encoding)


def read_message(message: RawMessage, message_type: str) -> Any:
    """
    Return the message deserialized by the standard definition of its type.

    Of a type that grew (Range has a variance since jazzy) the definition that fits the bytes.

    :raises PictureError: the bytes are no such message.
    """
    types = standard_types(message.ros1)
    try:
        if message.ros1:
            return types.deserialize_ros1(message.data, message_type)
        try:
            return types.deserialize_cdr(message.data, message_type)
        except Exception:
            return newest_types().deserialize_cdr(message.data, message_type)
    except Exception as error:  # rosbags asserts, slices and unpacks: any type may come
        raise PictureError('data', f'the message of {len(message.data)} bytes is no '
                                   f'{message_type} ({type(error).__name__})') from None


@lru_cache(maxsize=1)
def newest_types() -> Typestore:
    """Return the definitions of the newest release."""
    return get_typestore(Stores.LATEST)


@lru_cache(maxsize=2)
def standard_types(ros1: bool) -> Typestore:
    """Return the standard definitions; those of image messages are the same in every release."""
    types = get_typestore(Stores.ROS1_NOETIC if ros1 else Stores.ROS2_HUMBLE)
    if not ros1:
        for name, definition in VIDEO_TYPES.items():
            types.register(get_types_from_msg(definition, name))
    return types


def _only_camera(bag: Bag, candidates: List[str]) -> str:
    cameras = [n for n in candidates if not _is_result(n)] or candidates
    kinds = {name: _distances_of(bag, name) for name in cameras}
    if cameras and all(kinds.values()):
        held = ', '.join(f'{name} ({kind})' for name, kind in sorted(kinds.items()))
        raise BagError('no_image_topic', f'{bag.path}: no picture, only distances: {held}')
    cameras = [name for name in cameras if not kinds[name]]
    if len(cameras) == 1:
        return cameras[0]
    if not bag.topics or not sum(t.count for t in bag.topics.values()):
        raise BagError('empty', f'{bag.path}: the bag holds no message')
    if not cameras:
        raise BagError('no_image_topic',
                       f'{bag.path}: no image topic; {_listing(bag.topics)}')
    raise BagError('ambiguous_topic', f'{bag.path}: {len(cameras)} image topics: name one with '
                                      f'--topic: {", ".join(sorted(cameras))}')


def _distances_of(bag: Bag, name: str) -> str:
    """Return the encoding of a topic's first message where that means distances, else ''."""
    with closing(bag.messages([name])) as messages:
        for message in messages:
            try:
                image = read_message(message, bag.topics[name].type)
            except PictureError:
                continue
            if image.__msgtype__ in VIDEO_TYPES:
                return ''
            form = image.format if image.__msgtype__ == COMPRESSED else image.encoding
            return form if means_distances(form) else ''
    return ''


def _listing(topics: Mapping[str, Topic]) -> str:
    held = ', '.join(f'{t.name} ({t.type}{" in " if t.foreign else ""}{t.foreign})'
                     for t in topics.values())
    return f'the bag holds {held}' if held else 'the bag holds no topic'


def _last(name: str) -> str:
    return name.rsplit('/', 1)[-1]


def _is_result(name: str) -> bool:
    parts = name.split('/')
    return parts[-1] in RESULT_NAMES or (parts[-1] == 'compressed' and parts[-2] in RESULT_NAMES)
