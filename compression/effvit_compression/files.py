"""Files that can't be read or written as one line, and locks between processes."""
from __future__ import annotations

import contextlib
import fcntl
from pathlib import Path
from typing import BinaryIO, Callable, Iterator

from effvit_ros.core.errors import UserError


@contextlib.contextmanager
def told(place: str = '') -> Iterator[None]:
    """Make a full disk, or a file that can't be read or written, one line that names ``place``."""
    try:
        yield
    except OSError as error:
        where = error.filename or place
        raise UserError(f'{where}{where and ": "}{error.strerror or error}') from error


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
