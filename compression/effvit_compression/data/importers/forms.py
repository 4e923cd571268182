"""Which form an export has, and where it lies: a folder, or a zip that is unpacked with care."""
from __future__ import annotations

import contextlib
import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Iterator

from effvit_compression.data.importers import (
    coco,
    cvat,
    label_studio,
    labelme,
    masks,
    supervisely,
)
from effvit_compression.data.importers.export import Export, in_a_line, MALFORMED, Options
from effvit_ros.core.errors import UserError

READERS = (cvat.READER, masks.SEGMENTATION_MASKS, coco.READER, label_studio.READER,
           masks.ROBOFLOW, labelme.READER, supervisely.READER, masks.COLOURED)
FORMS = tuple(reader.form for reader in READERS)


def read_export(folder: Path, form: str, options: Options) -> Export:
    """
    Read an export.

    :param form: one of :data:`FORMS`, or '' to find out.
    :raises UserError: it has no known form or several, or nothing in it is labelled.
    """
    found = [reader for reader in READERS if reader.recognises(folder)]
    if form:
        found = [reader for reader in READERS if reader.form == form]
    # A table of colours or ids says more than the name of a folder.
    if len(found) > 1 and masks.COLOURED in found:
        found.remove(masks.COLOURED)
    if not found:
        raise UserError(f'{folder}: no export of a known form ({", ".join(FORMS)}): give the '
                        'folder that holds its files, or --form')
    if len(found) > 1:
        raise UserError(f'{folder}: reads as {" and as ".join(r.form for r in found)}: give '
                        '--form')
    try:
        export = found[0].read(folder, options)
    except MALFORMED as error:
        raise UserError(f'{folder}: not a readable export ({found[0].form}): {in_a_line(error)}'
                        ) from error
    if not export.drawings and not export.problems:
        raise UserError(f'{folder}: an empty export ({found[0].form}): no picture in it is '
                        'labelled')
    return export


@contextlib.contextmanager
def unpacked(path: Path, scratch: Path) -> Iterator[Path]:
    """
    Give the folder of an export; a zip is unpacked into a temporary one, a lone file copied.

    A zip or folder that holds nothing but one folder stands for that folder.

    :param scratch: where the temporary folder is made.
    :raises UserError: no such export, no zip, or one that would write outside its folder.
    """
    with contextlib.ExitStack() as stack:
        folder = path
        if path.is_file():
            folder = Path(stack.enter_context(
                tempfile.TemporaryDirectory(dir=scratch, prefix='.import-')))
            if path.suffix.lower() == '.json':
                shutil.copyfile(path, folder / path.name)
            elif path.suffix.lower() == '.xml':
                shutil.copyfile(path, folder / cvat.FILE)
            else:
                extract(path, folder)
        elif not path.is_dir():
            raise UserError(f'{path}: no such export')
        entries = [entry for entry in folder.iterdir()
                   if not entry.name.startswith('.') and entry.name != '__MACOSX']
        while len(entries) == 1 and entries[0].is_dir():
            folder = entries[0]
            entries = list(folder.iterdir())
        yield folder


def extract(path: Path, folder: Path) -> None:
    """Unpack a zip; :raises UserError: it is none, is damaged, or climbs out of its folder."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            for member in members:
                name = PurePosixPath(member.filename.replace('\\', '/'))
                link = stat.S_ISLNK(member.external_attr >> 16)
                if name.is_absolute() or '..' in name.parts or ':' in name.parts[0] or link:
                    raise UserError(f'{path}: {member.filename!r} would be written outside its '
                                    'folder: this is no export of a labelling tool')
            size, free = sum(m.file_size for m in members), shutil.disk_usage(folder).free
            if size > free:
                raise UserError(f'{path}: {size / 1e9:.1f} GB when unpacked, and there are '
                                f'{free / 1e9:.1f} GB free at {folder.parent}')
            archive.extractall(folder)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError,
            ValueError, OSError) as error:
        raise UserError(f'{path}: not a readable zip ({error})') from error
