"""Recorded messages as the installed release of ROS reads them."""
from __future__ import annotations

import importlib
from typing import Any, Dict, Optional, Set, Tuple, Type

from rosbags.convert.converter import migrate_bytes
from rosbags.typesys.store import Typestore

from effvit_ros.bags.pictures import newest_types, standard_types
from effvit_ros.bags.storage import RawMessage


def message_class(message_type: str) -> Optional[Type[Any]]:
    """Return the installed Python class of a message type such as sensor_msgs/msg/Image."""
    package, _, name = message_type.partition('/msg/')
    try:
        return getattr(importlib.import_module(f'{package}.msg'), name)
    except (ImportError, AttributeError):
        return None


class AsInstalled:
    """
    Turns recorded messages into CDR of the definitions that are installed here.

    Almost all types are the same in every release, and their messages go through untouched. ROS 1
    had another Header; ``sensor_msgs/Range`` has a variance since jazzy, and a subscriber of one
    release hears nothing of the other one's.
    """

    def __init__(self) -> None:
        """Load the definitions."""
        self._ros1, self._old = standard_types(True), standard_types(False)
        self._new = newest_types()
        self._stores: Dict[str, Tuple[Typestore, Optional[Typestore]]] = {}
        self._cache: Dict[str, object] = {}

    def __call__(self, message: RawMessage, message_type: str) -> bytes:
        """Return the bytes of a :class:`~effvit_ros.bags.storage.RawMessage` to be published."""
        installed, other = self._stores_of(message_type)
        if message.ros1:
            return bytes(migrate_bytes(
                self._ros1, installed, message_type, message_type, self._cache,
                message.data, src_is2=False, dst_is2=True))
        if other is None or _fits(installed, message, message_type) or not _fits(
                other, message, message_type):
            return message.data
        return bytes(migrate_bytes(
            other, installed, message_type, message_type, self._cache,
            message.data, src_is2=True, dst_is2=True))

    def _stores_of(self, message_type: str) -> Tuple[Typestore, Optional[Typestore]]:
        """Return the installed definitions, and others that a recording may be of, or None."""
        if message_type not in self._stores:
            fields = [_fields(store, message_type) for store in (self._old, self._new)]
            installed = message_class(message_type)
            if installed is None or None in fields or fields[0] == fields[1]:
                self._stores[message_type] = self._old, None
            else:
                here = set(installed.get_fields_and_field_types())
                self._stores[message_type] = (
                    (self._new, self._old) if here == fields[1] else (self._old, self._new))
        return self._stores[message_type]


def _fields(store: Typestore, message_type: str) -> Optional[Set[str]]:
    """Return the names of a type's fields, None of an unknown type."""
    definition = store.fielddefs.get(message_type)
    return None if definition is None else {name for name, _ in definition[1]}


def _fits(store: Typestore, message: RawMessage, message_type: str) -> bool:
    try:
        store.deserialize_cdr(message.data, message_type)
    except Exception:  # rosbags asserts, slices and unpacks: any type may come
        return False
    return True
