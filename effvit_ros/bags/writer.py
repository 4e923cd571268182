"""Writes rosbag2 bags that ``ros2 bag play`` and Foxglove open, whole or not at all."""
from __future__ import annotations

import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Final, Optional, Type, Union

import cv2
import numpy as np
from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores
from rosbags.typesys.store import Typestore

from effvit_ros.bags.pictures import COMPRESSED, IMAGE
from effvit_ros.core.errors import UserError

STORAGES = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}
STRING = 'std_msgs/msg/String'
#: Version of metadata.yaml: 8 is read by humble and by everything newer.
METADATA_VERSION: Final = 8
#: ROS keeps the seconds of a stamp in 32 bits with a sign.
LAST_STAMP_S = 2**31 - 1
_FOREVER = QosTime(2147483647, 4294967295)


class BagWriter:
    """
    Writes a bag in a folder next to its place and moves it there when all is well.

    A context manager: left by an exception, nothing stays behind.
    """

    def __init__(self, path: Union[str, Path], storage: str = 'mcap',
                 compress: bool = True) -> None:
        """
        Create the bag.

        :param storage: ``mcap`` or ``sqlite3``.
        :param compress: zstd, in mcap's own chunks or message by message in sqlite3.
        :raises UserError: ``path`` exists already.
        """
        self.path = Path(path)
        if self.path.exists():
            raise UserError(f'{path}: exists already: choose another name or remove it')
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._staging = Path(tempfile.mkdtemp(prefix='.bag-', dir=self.path.parent))
        try:
            self._writer = Writer(self._staging / self.path.name, version=METADATA_VERSION,
                                  storage_plugin=STORAGES[storage])
            if compress:
                mode = CompressionMode.STORAGE if storage == 'mcap' else CompressionMode.MESSAGE
                self._writer.set_compression(mode, CompressionFormat.ZSTD)
            self._writer.open()
        except BaseException:
            shutil.rmtree(self._staging, ignore_errors=True)
            raise
        self._topics: Dict[str, Connection] = {}

    def add_topic(self, name: str, message_type: str, latched: bool = False) -> None:
        """
        Declare a topic; ``latched`` offers transient-local durability.

        :raises UserError: there is one of that name.
        """
        if name in self._topics:
            raise UserError(f'{self.path}: two topics named {name}: give one another name')
        self._topics[name] = self._writer.add_connection(
            name, message_type, typestore=_types(), offered_qos_profiles=[_qos(latched)])

    def write_image(self, topic: str, stamp_ns: int, pixels: np.ndarray, encoding: str,
                    frame_id: str = '', log_ns: Optional[int] = None) -> None:
        """
        Write an Image.

        :param pixels: uint8, (H, W) or (H, W, channels).
        """
        pixels = np.ascontiguousarray(pixels)
        message = self._message(IMAGE)(
            header=self._header(stamp_ns, frame_id), height=pixels.shape[0],
            width=pixels.shape[1], encoding=encoding, is_bigendian=0, step=pixels.strides[0],
            data=pixels.reshape(-1))
        self._write(topic, message, stamp_ns if log_ns is None else log_ns)

    def write_compressed(self, topic: str, stamp_ns: int, content: Union[bytes, np.ndarray],
                         form: str, frame_id: str = '', log_ns: Optional[int] = None) -> None:
        """
        Write a CompressedImage.

        :param content: the bytes of a JPEG or PNG, as bytes or uint8 array.
        :param form: ``jpeg`` or ``png``.
        """
        message = self._message(COMPRESSED)(
            header=self._header(stamp_ns, frame_id), format=form,
            data=np.frombuffer(content, np.uint8))
        self._write(topic, message, stamp_ns if log_ns is None else log_ns)

    def write_fields(self, topic: str, stamp_ns: int, frame_id: str, log_ns: Optional[int] = None,
                     **fields: Any) -> None:
        """
        Write a message that begins with a Header.

        :param fields: the others; those of a message's type as :meth:`part` makes them.
        """
        message = self._message(self._topics[topic].msgtype)(
            header=self._header(stamp_ns, frame_id), **fields)
        self._write(topic, message, stamp_ns if log_ns is None else log_ns)

    def part(self, message_type: str, **fields: Any) -> Any:
        """Return a message to be a part of another."""
        return self._message(message_type)(**fields)

    def write_text(self, topic: str, log_ns: int, text: str) -> None:
        """Write a std_msgs String."""
        self._write(topic, self._message(STRING)(data=text), log_ns)

    def close(self) -> None:
        """Finish the bag and move it to its place."""
        self._writer.close()
        (self._staging / self.path.name).rename(self.path)
        self._staging.rmdir()

    def __enter__(self) -> BagWriter:
        """Return itself."""
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], *exception: object) -> None:
        """Close, or remove everything after an exception."""
        if kind is None:
            self.close()
            return
        self._writer.abort()
        shutil.rmtree(self._staging, ignore_errors=True)

    def _write(self, topic: str, message: Any, log_ns: int) -> None:
        connection = self._topics[topic]
        self._writer.write(
            connection, log_ns, _types().serialize_cdr(message, connection.msgtype))

    def _message(self, name: str) -> Any:
        return _types().types[name]

    def _header(self, stamp_ns: int, frame_id: str) -> Any:
        if not 0 <= stamp_ns < LAST_STAMP_S * 10**9:
            raise UserError(f'{self.path}: a stamp of {stamp_ns / 1e9:g} s: stamps are 0 to '
                            f'{LAST_STAMP_S} s')
        stamp = self._message('builtin_interfaces/msg/Time')(
            sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        return self._message('std_msgs/msg/Header')(stamp=stamp, frame_id=frame_id)


def encode(pixels: np.ndarray, form: str, quality: int = 90) -> np.ndarray:
    """Return a picture as ``png`` or ``jpeg``, a uint8 array of the file's bytes."""
    options = (cv2.IMWRITE_JPEG_QUALITY, quality)
    if form == 'png':
        options = (cv2.IMWRITE_PNG_COMPRESSION, 1)
    return cv2.imencode(f'.{form}', pixels, options)[1]


@lru_cache(maxsize=1)
def _types() -> Typestore:
    return get_typestore(Stores.ROS2_HUMBLE)


def _qos(latched: bool) -> Qos:
    durability = QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE
    return Qos(QosHistory.KEEP_LAST, 1 if latched else 10, QosReliability.RELIABLE, durability,
               _FOREVER, _FOREVER, QosLiveliness.AUTOMATIC, _FOREVER, False)
