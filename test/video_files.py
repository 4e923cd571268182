"""H.264 streams that the tests make themselves: a key frame, then frames that build on it."""
from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg, get_typestore, Stores

from effvit_ros.bags.pictures import FFMPEG_VIDEO, FOXGLOVE_VIDEO, VIDEO_TYPES


def encode(pictures, codec='libx264', key_every=4):
    """Return a packet (bytes, Annex B) for each picture, (H, W, 3) uint8 BGR; no B frames."""
    context = av.CodecContext.create(codec, 'w')
    context.height, context.width = pictures[0].shape[:2]
    context.pix_fmt = 'yuv444p' if codec == 'libx264' else 'yuv420p'
    context.time_base = Fraction(1, 10)
    context.gop_size = key_every
    context.options = {'tune': 'zerolatency', 'crf': '4', 'preset': 'ultrafast'}
    packets = []
    for index, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format='bgr24')
        frame.pts = index
        packets += [bytes(packet) for packet in context.encode(frame)]
    packets += [bytes(packet) for packet in context.encode(None)]
    assert len(packets) == len(pictures)
    return packets


def write_video_bag(path, packets, kind, stamps, topic='/camera/video', labels=()):
    """
    Write a rosbag2 whose topic holds the packets as ``foxglove`` or ``ffmpeg`` messages.

    :param labels: label maps of the same stamps, for ``/segmenter/labels``.
    """
    types = get_typestore(Stores.ROS2_HUMBLE)
    name = {'foxglove': FOXGLOVE_VIDEO, 'ffmpeg': FFMPEG_VIDEO}[kind]
    types.register(get_types_from_msg(VIDEO_TYPES[name], name))
    kinds = types.types
    with Writer(path, version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection(topic, name, typestore=types)
        for stamp_ns, packet in zip(stamps, packets):
            stamp = kinds['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 10**9))
            data = np.frombuffer(packet, np.uint8)
            if kind == 'foxglove':
                message = kinds[name](timestamp=stamp, frame_id='camera', data=data,
                                      format='h264')
            else:
                header = kinds['std_msgs/msg/Header'](stamp=stamp, frame_id='camera')
                message = kinds[name](header=header, width=64, height=48, encoding='libx264',
                                      pts=0, flags=0, is_bigendian=False, data=data)
            writer.write(connection, stamp_ns, types.serialize_cdr(message, name))
        if len(labels):
            name = 'sensor_msgs/msg/Image'
            connection = writer.add_connection('/segmenter/labels', name, typestore=types)
        for stamp_ns, label in zip(stamps, labels):
            stamp = kinds['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 10**9))
            header = kinds['std_msgs/msg/Header'](stamp=stamp, frame_id='camera')
            message = kinds[name](header=header, height=label.shape[0], width=label.shape[1],
                                  encoding='mono8', is_bigendian=0, step=label.shape[1],
                                  data=label.ravel())
            writer.write(connection, stamp_ns + 1000, types.serialize_cdr(message, name))
    return path
