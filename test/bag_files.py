"""Small real bags for the tests: flying colour blocks that the tiny bundle tells apart."""
from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import yaml
import zstandard
from mcap.reader import make_reader
from mcap.writer import Writer
from rosbags.rosbag1 import Writer as Rosbag1Writer
from rosbags.typesys import get_typestore, Stores

from effvit_ros.bags.pictures import COMPRESSED, IMAGE
from effvit_ros.bags.writer import BagWriter, encode

IMAGE_TOPIC, TRUTH_TOPIC = '/camera/image', '/camera/truth'
START_NS = 1_700_000_000 * 10**9
PERIOD_NS = 100_000_000
HEIGHT, WIDTH = 48, 64


def picture(index):
    """Return frame ``index``, (48, 64, 3) uint8 BGR: black with a red and a green block."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    left = 2 * index % (WIDTH - 16)
    image[8:24, left:left + 16, 2] = 255
    image[28:40, 40 - left // 2:56 - left // 2, 1] = 255
    return image


def truth(index):
    """Return what the tiny bundle finds in the frame, but for a strip that the truth ignores."""
    image = picture(index)
    labels = np.where(image[..., 2] > 127, 1, np.where(image[..., 1] > 127, 2, 0))
    labels = labels.astype(np.uint8)
    labels[:4] = 255
    return labels


def wrong_truth(index):
    """Return a truth that differs: the picture's right half is red."""
    labels = truth(index)
    labels[:, WIDTH // 2:] = 1
    return labels


def stamp_of(index):
    """Return the stamp of frame ``index`` in nanoseconds."""
    return START_NS + index * PERIOD_NS


def write_bag(path, count=6, first=0, make_truth=truth, storage='mcap', compress=True,
              topic=IMAGE_TOPIC, stamps=None, truth_topic=TRUTH_TOPIC, make_picture=picture):
    """Write a bag of ``count`` frames, with truth where ``make_truth`` is given; return it."""
    with BagWriter(path, storage, compress) as writer:
        writer.add_topic(topic, IMAGE)
        if make_truth is not None:
            writer.add_topic(truth_topic, IMAGE)
        for index in range(first, first + count):
            stamp = stamp_of(index) if stamps is None else stamps[index - first]
            log = stamp_of(index)
            writer.write_image(topic, stamp, make_picture(index), 'bgr8', 'eye', log)
            if make_truth is not None:
                writer.write_image(truth_topic, stamp, make_truth(index), 'mono8', log_ns=log)
    return Path(path)


def write_compressed_images(path, count=6):
    """Write a bag whose pictures and truths are PNGs."""
    with BagWriter(path) as writer:
        for topic in (IMAGE_TOPIC + '/compressed', TRUTH_TOPIC):
            writer.add_topic(topic, COMPRESSED)
        for index in range(count):
            for topic, pixels in ((IMAGE_TOPIC + '/compressed', picture(index)),
                                  (TRUTH_TOPIC, truth(index))):
                writer.write_compressed(topic, stamp_of(index), encode(pixels, 'png'), 'png')
    return Path(path)


def write_split_bag(path, count=6, file_compression=False):
    """Write a bag of two mcap files, as ``ros2 bag record --max-bag-size`` does."""
    path = Path(path)
    path.mkdir(parents=True)
    half, names = count // 2, []
    for number, (first, size) in enumerate(((0, half), (half, count - half))):
        part = write_bag(path.parent / f'{path.name}_part{number}', size, first)
        file = path / f'{path.name}_{number}.mcap'
        next(part.glob('*.mcap')).rename(file)
        (part / 'metadata.yaml').rename(path / 'metadata.yaml')
        part.rmdir()
        if file_compression:
            file = compress_file(file)
        names.append(file.name)
    metadata = path / 'metadata.yaml'
    content = yaml.safe_load(metadata.read_text())
    information = content['rosbag2_bagfile_information']
    information['relative_file_paths'] = names
    for topic in information['topics_with_message_count']:
        topic['message_count'] = count
    metadata.write_text(yaml.safe_dump(content))
    return path


def compress_file(file):
    """Replace a file by its zstd-compressed self, as ``--compression-mode file`` does."""
    target = file.with_name(file.name + '.zstd')
    target.write_bytes(zstandard.compress(file.read_bytes()))
    file.unlink()
    return target


def write_ros1_bag(path, count=6):
    """Write a ROS 1 bag."""
    types = get_typestore(Stores.ROS1_NOETIC)
    with Rosbag1Writer(path) as writer:
        topics = {name: writer.add_connection(name, IMAGE, typestore=types)
                  for name in (IMAGE_TOPIC, TRUTH_TOPIC)}
        for index in range(count):
            for name, pixels, encoding in ((IMAGE_TOPIC, picture(index), 'bgr8'),
                                           (TRUTH_TOPIC, truth(index), 'mono8')):
                stamp = types.types['builtin_interfaces/msg/Time'](
                    sec=stamp_of(index) // 10**9, nanosec=stamp_of(index) % 10**9)
                header = types.types['std_msgs/msg/Header'](seq=index, stamp=stamp, frame_id='')
                message = types.types[IMAGE](
                    header=header, height=HEIGHT, width=WIDTH, encoding=encoding,
                    is_bigendian=0, step=pixels.strides[0], data=pixels.reshape(-1))
                writer.write(topics[name], stamp_of(index),
                             types.serialize_ros1(message, IMAGE))
    return Path(path)


def write_masks(folder, count=6, name='{index:06d}.png', make=truth):
    """Write masks as PNGs into a folder; ``name`` may use index and stamp."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        file = folder / name.format(index=index, stamp=stamp_of(index))
        cv2.imwrite(str(file), make(index))
    return folder


def write_lone_mcap(path):
    """Write an mcap file that no folder and no metadata.yaml belong to; return it."""
    bag = write_bag(path)
    file = bag.parent / 'alone.mcap'
    next(bag.glob('*.mcap')).rename(file)
    shutil.rmtree(bag)
    return file


def without_metadata(bag):
    """Remove a bag's metadata.yaml and return the bag."""
    (bag / 'metadata.yaml').unlink()
    return bag


def write_topics(path, topics):
    """Write a bag with (name, number of pictures) topics; return it."""
    with BagWriter(path) as writer:
        for name, count in topics:
            writer.add_topic(name, IMAGE)
            for index in range(count):
                writer.write_image(name, stamp_of(index), picture(index), 'bgr8')
    return Path(path)


def cut(file, share):
    """Cut a file so that this share of it is left."""
    content = file.read_bytes()
    file.write_bytes(content[:int(len(content) * share)])


def rewrite_mcap(file, undefined_topic=None, **options):
    """Write an mcap again; with a topic of a type that is not defined, where one is named."""
    target = file.with_suffix('.new')
    with open(file, 'rb') as source, open(target, 'wb') as sink:
        writer = Writer(sink, **options)
        writer.start('ros2')
        channels = {}
        if undefined_topic:
            schema = writer.register_schema('vendor_msgs/msg/Boxes', '', b'')
            channel = writer.register_channel(undefined_topic, 'cdr', schema)
            writer.add_message(channel, START_NS, b'\0\1\0\0\7\0\0\0', START_NS)
        for schema, channel, message in make_reader(source).iter_messages():
            if channel.id not in channels:
                new = writer.register_schema(schema.name, schema.encoding, schema.data)
                channels[channel.id] = writer.register_channel(
                    channel.topic, channel.message_encoding, new)
            writer.add_message(channels[channel.id], message.log_time, message.data,
                               message.publish_time)
        writer.finish()
    target.replace(file)


def write_killed_bag(path, count=6, flushed=2):
    """Write a sqlite3 bag as a killed recorder leaves it: most messages only in the journal."""
    made = write_bag(path.parent / f'{path.name}_whole', count, storage='sqlite3', compress=False)
    database = next(made.glob('*.db3'))
    with closing(sqlite3.connect(database)) as whole:
        rows = whole.execute('select topic_id, timestamp, data from messages').fetchall()
        whole.execute('delete from messages where id > ?', (2 * flushed,))
        whole.commit()
    # The connection stays open while the files are copied: closing it would merge the journal.
    with closing(sqlite3.connect(database, isolation_level=None)) as killed:
        killed.execute('pragma journal_mode=WAL')
        killed.execute('pragma wal_autocheckpoint=0')
        killed.executemany('insert into messages(topic_id, timestamp, data) values(?, ?, ?)',
                           rows[2 * flushed:])
        shutil.copytree(made, path)
    shutil.rmtree(made)
    return path


def write_foreign_mcap(path, count=3, profile='', ros1=False, others=()):
    """
    Write an mcap as other recorders do.

    :param others: encodings, such as json, each of one more channel with a message.
    """
    types = get_typestore(Stores.ROS1_NOETIC if ros1 else Stores.ROS2_HUMBLE)
    kinds = types.types
    with open(path, 'wb') as sink:
        writer = Writer(sink)
        writer.start(profile)
        schema = writer.register_schema(
            'sensor_msgs/Image' if ros1 else IMAGE, 'ros1msg' if ros1 else 'ros2msg',
            types.generate_msgdef(IMAGE, ros_version=1 if ros1 else 2)[0].encode())
        channel = writer.register_channel(IMAGE_TOPIC, 'ros1' if ros1 else 'cdr', schema)
        for index in range(count):
            stamp = kinds['builtin_interfaces/msg/Time'](
                sec=stamp_of(index) // 10**9, nanosec=stamp_of(index) % 10**9)
            sequence = {'seq': index} if ros1 else {}
            pixels = picture(index)
            message = kinds[IMAGE](
                header=kinds['std_msgs/msg/Header'](stamp=stamp, frame_id='', **sequence),
                height=HEIGHT, width=WIDTH, encoding='bgr8', is_bigendian=0,
                step=pixels.strides[0], data=pixels.reshape(-1))
            data = (types.serialize_ros1 if ros1 else types.serialize_cdr)(message, IMAGE)
            writer.add_message(channel, stamp_of(index), bytes(data), stamp_of(index))
        for encoding in others:
            schema = writer.register_schema('foxglove.Log', 'jsonschema', b'{}')
            channel = writer.register_channel(f'/{encoding}', encoding, schema)
            writer.add_message(channel, START_NS, b'{}', START_NS)
        writer.finish()
    return path
