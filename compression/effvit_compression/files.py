"""YAML files that a user wrote, with what is wrong in them, and locks between processes."""
from __future__ import annotations

import contextlib
import fcntl
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, Iterator

import yaml

from effvit_ros.core.errors import UserError


def read_yaml(path: Path, what: str) -> Dict[str, Any]:
    """
    Read the keys of a YAML file that the user calls ``what``.

    :raises UserError: missing, unreadable, no YAML, without keys, or with one twice.
    """
    try:
        fields = yaml.load(path.read_text(encoding='utf-8'), UniqueKeys)
    except OSError as error:
        raise UserError(f'{what} {path}: {error.strerror}') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f'{what} {path}: not YAML: {" ".join(str(error).split())}') from error
    if not isinstance(fields, dict):
        raise UserError(f'{what} {path}: it holds no keys (name: value)')
    return fields


@contextlib.contextmanager
def told(place: str = '') -> Iterator[None]:
    """Make a full disk, or a file that can't be read or written, one line that names ``place``."""
    try:
        yield
    except OSError as error:
        where = error.filename or place
        raise UserError(f'{where}{where and ": "}{error.strerror or error}') from error


class UniqueKeys(yaml.SafeLoader):
    """Refuses a key that a mapping has twice, of which YAML would take the last."""

    def compose_mapping_node(self, anchor):
        """Compose before ``<<`` merges anything in: what is merged may be given anew."""
        node = super().compose_mapping_node(anchor)
        names = [key.value for key, _ in node.value]
        twice = next((key for key, _ in node.value if names.count(key.value) > 1), None)
        if twice is not None:
            raise yaml.composer.ComposerError(
                None, None, f'key {twice.value!r} is there twice', twice.start_mark)
        return node


@contextlib.contextmanager
def alone(path: Path, busy: str) -> Iterator[None]:
    """
    Hold a lock that ends with the process, or refuse; ``path`` stays, empty.

    A file system without locks is trusted.

    :param busy: the complaint where another process holds it.
    :raises UserError: one does, or the place can't be written.
    """
    with opened(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(busy) from None
        except OSError:
            pass
        yield


def opened(path: Path) -> BinaryIO:
    """Open a file to lock; :raises UserError: the place can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, 'wb')
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from error


@contextlib.contextmanager
def locked(path: Path, waits: Callable[[], None]) -> Iterator[None]:
    """
    Hold a lock that ends with the process, even a killed one; ``path`` stays, empty.

    :param waits: called once when another process holds it.
    :raises UserError: the place can't be written, or its file system has no locks.
    """
    with opened(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waits()
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            raise UserError(f'{path}: not locked: {error.strerror}') from error
        yield
