"""Which files of a folder are pictures."""
from __future__ import annotations

from pathlib import Path

from effvit_ros.core.errors import UserError

#: Endings of still pictures that OpenCV reads, in lower case.
PICTURES = ('.jpg', '.jpeg', '.png', '.bmp', '.ppm', '.tif', '.tiff', '.webp')


def is_picture(path):
    """Return whether a :class:`~pathlib.Path` is named like a picture, in any case."""
    return path.suffix.lower() in PICTURES


def picture_files(folder):
    """
    Return the pictures in a folder, without its subfolders, as paths in the order of their names.

    :raises UserError: there is no such folder or no picture in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f'{folder}: no such folder')
    found = sorted(path for path in folder.iterdir() if is_picture(path))
    if not found:
        raise UserError(f'{folder}: no pictures in it ({", ".join(PICTURES)})')
    return found
