"""What a folder of pictures or masks holds: one listing for everything that reads such folders."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Tuple, Union

from effvit_ros.core.errors import UserError

#: Endings of still pictures that OpenCV reads, in lower case.
PICTURES = ('.jpg', '.jpeg', '.png', '.bmp', '.ppm', '.tif', '.tiff', '.webp')
#: Endings of those that keep class ids.
MASKS = ('.png', '.tif', '.tiff', '.bmp')
#: What is added to a picture's name where its mask lies next to it.
MASK_ENDING = '_mask'
#: What systems and archivers leave in folders, besides names that begin with a dot.
_LEFT_BEHIND = ('__macosx', 'thumbs.db', 'desktop.ini', '$recycle.bin', '@eadir')


def is_picture(path: Path) -> bool:
    """Return whether a :class:`~pathlib.Path` is named like a picture, in any case."""
    return path.suffix.lower() in PICTURES


def is_visible(path: Path) -> bool:
    """Return whether a file or folder is somebody's own: no ``._x.png``, no ``__MACOSX``."""
    return not path.name.startswith('.') and path.name.lower() not in _LEFT_BEHIND


def visible(folder: Path) -> List[Path]:
    """Return what is somebody's own in a folder, in the natural order of the names."""
    return sorted(filter(is_visible, Path(folder).iterdir()), key=natural_order)


def natural_order(path: Path) -> Tuple[List[Union[int, str]], str]:
    """Return a sort key for paths or names: frame_9 before frame_10, folder by folder."""
    name = str(path)
    parts = re.split(r'([0-9]+)', name)
    # Odd places hold the numbers, so a number is only ever compared with a number.
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def picture_files(folder: Path) -> List[Path]:
    """
    Return the pictures in a folder, without its subfolders, in the natural order of their names.

    Masks that lie next to their pictures (``x_mask.png`` next to ``x.jpg``) are none of them.

    :raises UserError: there is no such folder, no picture in it, or two files for one picture
        (``x.jpg`` and ``x.png``), of which one may be a mask.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f'{folder}: no such folder')
    found = _pictures_in(folder)
    if not found:
        raise UserError(f'{folder}: no pictures in it ({", ".join(PICTURES)})')
    by_stem: Dict[str, Path] = {}
    for path in found:
        other = by_stem.setdefault(path.stem, path)
        if other != path:
            raise UserError(f'{folder}: {other.name} and {path.name} have one name: give pictures '
                            'and masks folders of their own, or name masks '
                            f'{path.stem}{MASK_ENDING}.png')
    return [path for path in found if not _is_mask_of(path, by_stem)]


def pictures_under(folder: Path) -> List[Path]:
    """Return the pictures in a folder and its subfolders, at any depth."""
    return [path for path in files_under(folder) if is_picture(path)]


def files_under(folder: Path, ending: str = '') -> List[Path]:
    """Return the files in a folder and its subfolders whose names end so, at any depth."""
    found = []
    for path in visible(folder):
        if path.is_dir():
            found += files_under(path, ending)
        elif path.name.endswith(ending):
            found.append(path)
    return found


def mask_file(picture: Path, folder: Path) -> Optional[Path]:
    """
    Return the label map of a picture in ``folder``, STEM.png or STEM_mask.png; None without.

    Of other pictures of that name, which can be no label maps, the first is returned for its
    reader to refuse.

    :raises UserError: there are two.
    """
    stems = (picture.stem, picture.stem + MASK_ENDING)
    found = [file for suffix in sorted(PICTURES, key=lambda suffix: suffix not in MASKS)
             for file in (Path(folder) / (stem + suffix) for stem in stems)
             if _is_file(file) and not _is_same(file, picture)]
    lossless = [file for file in found if file.suffix in MASKS]
    if len(lossless) > 1:
        raise UserError(f'{folder}: {found[0].name} and {found[1].name} could both be the mask of '
                        f'{picture.name}: remove one')
    return found[0] if found else None


def mask_files(folder: Path) -> List[Path]:
    """
    Return the masks in a folder, in natural order.

    Pictures that have a mask next to them (``x.jpg`` next to ``x_mask.png``) are none.
    """
    found = _pictures_in(folder)
    stems = {path.stem for path in found}
    return [path for path in found if path.stem + MASK_ENDING not in stems]


def _pictures_in(folder: Path) -> List[Path]:
    return [path for path in visible(folder) if is_picture(path) and _is_file(path)]


def _is_file(path: Path) -> bool:
    """Return whether it is a file, or a link to one that is missing: for its reader to tell."""
    return path.is_file() or path.is_symlink() and not path.exists()


def _is_same(path: Path, other: Path) -> bool:
    return path == other or path.exists() and other.exists() and path.samefile(other)


def _is_mask_of(path: Path, by_stem: Mapping[str, Path]) -> bool:
    return path.stem.endswith(MASK_ENDING) and path.stem[:-len(MASK_ENDING)] in by_stem
