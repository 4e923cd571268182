"""Video topics: packets in, Images out."""
from __future__ import annotations

import importlib
from typing import Any, Callable, NamedTuple, Optional, Union

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from effvit_ros.core.errors import UserError
from effvit_ros.core.pixels import PictureError
from effvit_ros.core.video_packets import VideoDecoder
from effvit_ros.ros.common.codec import image_message

#: image_transport's name -> (package, message) of its packets.
VIDEO_TRANSPORTS = {
    'ffmpeg': ('ffmpeg_image_transport_msgs', 'FFMPEGPacket'),
    'foxglove': ('foxglove_msgs', 'CompressedVideo'),
}


class Unreadable(NamedTuple):
    """Stands for the Image of a packet that could not be decoded; the error is told later."""

    header: Header
    error: PictureError


class VideoInput:
    """
    Decodes every packet of a topic as it comes, in the executor's thread.

    All of them, also while nobody watches: a packet builds on those before it.
    """

    def __init__(self, transport: str,
                 on_image: Callable[[Union[Image, Unreadable]], None]) -> None:
        """
        Find the message type.

        :param on_image: called with an Image, or an :class:`Unreadable`, for each packet.
        :raises UserError: the messages or PyAV are not installed.
        """
        package, name = VIDEO_TRANSPORTS[transport]
        self.type_name = f'{package}/msg/{name}'
        try:
            self.type = getattr(importlib.import_module(f'{package}.msg'), name)
        except ImportError:
            raise UserError(
                f"image_transport is '{transport}', but {package} is not installed: sudo apt "
                f"install ros-$ROS_DISTRO-{package.replace('_', '-')}") from None
        self._decoder = VideoDecoder()
        self._on_image = on_image

    def take(self, packet: Any) -> None:
        """Decode a packet and hand its picture on."""
        self._on_image(image_of(packet, self._decoder))


def image_of(packet: Any, decoder: VideoDecoder) -> Union[Image, Unreadable]:
    """Return the Image of a packet, an :class:`Unreadable` where it can't be decoded."""
    header: Optional[Header] = getattr(packet, 'header', None)
    if header is None:
        header = Header(stamp=packet.timestamp, frame_id=packet.frame_id)
    codec = packet.format if hasattr(packet, 'format') else packet.encoding
    try:
        pixels = decoder.decode(bytes(packet.data), codec).pixels
    except PictureError as error:
        return Unreadable(header, error)
    return image_message(pixels, 'bgr8', header)
