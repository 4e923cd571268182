"""Files that are whole or not there."""
from __future__ import annotations

import os
from pathlib import Path

from effvit_ros.core.errors import UserError


def write_text(path: Path, text: str) -> None:
    """
    Write a text file by way of a temporary one beside it.

    :raises UserError: the place can't be written, or the disk is full.
    """
    temporary = path.with_name(path.name + '.tmp')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding='utf-8')
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(f'{path}: {error.strerror}') from error
