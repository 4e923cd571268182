"""Files that are written whole or not at all, whatever ends the process or the power."""
from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Union

from effvit_ros.core.errors import UserError


def write_bytes(path: Union[str, Path], content: bytes) -> None:
    """
    Replace the file ``path`` by ``content`` in one step; its folder is made.

    :raises UserError: the place can't be written, or the disk is full; what was there stays.
    """
    path = Path(path)
    temporary = path.with_name(f'{path.name}.{os.getpid()}.tmp')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):  # never made, or on a disk that is gone
            temporary.unlink()
        raise UserError(f'{path}: cannot be written: {error.strerror}') from error


def write_text(path: Union[str, Path], text: str) -> None:
    """
    Replace the file ``path`` by ``text`` in UTF-8, as :func:`write_bytes` does.

    :raises UserError: as there.
    """
    write_bytes(path, text.encode('utf-8'))


def write_json(path: Union[str, Path], content: object, indent: int = 2) -> None:
    """
    Replace the file ``path`` by ``content`` as JSON, as :func:`write_bytes` does.

    :raises UserError: as there.
    """
    write_text(path, json.dumps(content, indent=indent) + '\n')
