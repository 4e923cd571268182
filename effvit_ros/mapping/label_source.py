"""The label images of a bag: recorded ones, or the model's for each recorded picture."""
from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Optional, Tuple

import numpy as np

from effvit_ros.bags.bag import Bag
from effvit_ros.bags.frames import recorded_frames
from effvit_ros.bags.label_maps import labels_from_message
from effvit_ros.bags.pictures import (
    packet_of,
    picture_of,
    read_message,
    stamp_of,
    VIDEO_TYPES,
)
from effvit_ros.core.label_files import LabelError
from effvit_ros.core.pixels import Picture, PictureError
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.core.video_packets import VideoDecoder

#: Pictures that wait for the labels of the same stamp.
_WAITING = 16


@dataclass(frozen=True)
class Labelled:
    """
    Labels of one picture: (H, W) uint8; ``confidence`` the same, 0..255, or None.

    ``bgr``: the picture, or None where only labels were recorded. ``index`` counts messages.
    """

    index: int
    stamp_ns: int
    labels: np.ndarray
    confidence: Optional[np.ndarray]
    bgr: Optional[np.ndarray]


def by_model(bag: Bag, topic: str, segmenter: Segmenter, begin: int = 0) -> Iterator[Labelled]:
    """
    Yield :class:`Labelled` for each picture from message ``begin`` on.

    What it holds is valid until the next.
    """
    for frame in recorded_frames(bag, topic):
        if frame.index < begin:
            continue
        found = segmenter.segment(frame.picture.pixels, frame.picture.order)
        sure = None if found.scores is None else found.confidence()
        yield Labelled(frame.index, frame.stamp_ns, found.labels, sure, frame.picture.bgr())


def recorded(bag: Bag, topic: str, picture_topic: str, begin: int = 0) -> Iterator[Labelled]:
    """
    Yield :class:`Labelled` for each recorded label image from message ``begin`` on.

    :param picture_topic: pictures of the same stamps, or ''; a video's packets are decoded as
        they come, since each builds on those before.
    """
    pictures, index = OrderedDict(), -1
    video = (VideoDecoder() if picture_topic and bag.topics[picture_topic].type in VIDEO_TYPES
             else None)
    for message in bag.messages([n for n in (topic, picture_topic) if n]):
        try:
            content = read_message(message, bag.topics[message.topic].type)
        except PictureError as error:
            index += message.topic == topic
            bag.problems.add('bad_frame', f'{bag.path}: {message.topic}: {error}',
                             subject=message.topic)
            if message.topic != topic and video is not None:
                video.lost()
            continue
        stamp_ns = stamp_of(content, message.log_ns)
        if message.topic != topic:
            pictures[stamp_ns] = _picture(content, video, bag, picture_topic)
            while len(pictures) > _WAITING:
                pictures.popitem(last=False)
            continue
        index += 1
        if index < begin:
            continue
        try:
            labels = labels_from_message(content)
        except LabelError as error:
            bag.problems.add('bad_frame', f'{bag.path}: {topic}: label image {index} is left '
                             f'out: {error}', subject=topic)
            continue
        yield Labelled(index, stamp_ns, labels, None,
                       _bgr(pictures.pop(stamp_ns, None), labels.shape, bag, picture_topic))


def _picture(content: Any, video: Optional[VideoDecoder], bag: Bag,
             topic: str) -> Optional[Callable[[], Picture]]:
    """Return a function that gives the picture of a message; a video's is made at once."""
    if video is None:
        return lambda: picture_of(content)
    try:
        picture = video.decode(*packet_of(content))
    except PictureError as error:
        bag.problems.add('bad_frame', f'{bag.path}: {topic}: a picture is left out: {error}',
                         subject=topic)
        return None
    return lambda: picture


def _bgr(picture: Optional[Callable[[], Picture]], shape: Tuple[int, ...], bag: Bag,
         topic: str) -> Optional[np.ndarray]:
    """Return the picture (H, W, 3), or None where there is none of the labels' size."""
    if picture is None:
        return None
    try:
        bgr = picture().bgr()
    except PictureError as error:
        bag.problems.add('bad_frame', f'{bag.path}: {topic}: a picture is left out: {error}',
                         subject=topic)
        return None
    if bgr.shape[:2] != shape:
        bag.problems.add(
            'bad_frame', f'{bag.path}: {topic}: pictures of {bgr.shape[1]}x{bgr.shape[0]} are '
            f'left out: the labels have {shape[1]}x{shape[0]}', subject=topic)
        return None
    return bgr
