"""Label pictures: CVAT's segmentation mask, Roboflow's semantic masks, folders with colours."""
from __future__ import annotations

import csv
from pathlib import Path
from typing import List, Sequence, Tuple

import numpy as np

from effvit_compression.data.importers.export import (
    BadLabel,
    by_colour,
    Colour,
    Drawing,
    Export,
    Options,
    Reader,
    unique,
    voids,
)
from effvit_ros.core.errors import UserError
from effvit_ros.core.label_files import labels_from_file
from effvit_ros.core.picture_files import files_under, pictures_under, visible

LABEL_MAP = 'labelmap.txt'
CSV = '_classes.csv'
#: Where a folder of masks keeps them.
FOLDERS = ('masks', 'labels')


def has_segmentation_masks(folder: Path) -> bool:
    """Whether the folder has a table of colours and a folder of masks."""
    return (folder / LABEL_MAP).is_file() and (folder / 'SegmentationClass').is_dir()


def read_segmentation_masks(folder: Path, options: Options) -> Export:
    """Read the masks; :raises UserError: the table of colours can't be read."""
    names, colours = label_map(folder / LABEL_MAP)
    drawings = [coloured(path, path.stem, colours)
                for path in files_under(folder / 'SegmentationClass', '.png')]
    return Export('segmentation_mask', names, drawings, void=voids(names))


def has_roboflow(folder: Path) -> bool:
    """Whether there is a table of ids."""
    return bool(files_under(folder, CSV))


def read_roboflow(folder: Path, options: Options) -> Export:
    """Read every split; :raises UserError: tables that differ or can't be read."""
    tables = {path: class_table(path) for path in files_under(folder, CSV)}
    first, ids = next(iter(tables.values()))
    if any(table != (first, ids) for table in tables.values()):
        raise UserError(f'{folder}: the splits have different {CSV}')
    drawings = [indexed(mask, f'{mask.stem[:-len("_mask")]}', ids)
                for path in tables for mask in visible(path.parent)
                if mask.name.endswith('_mask.png')]
    return Export('roboflow', first, drawings, void=voids(first))


def has_coloured(folder: Path) -> bool:
    """Whether there is a folder of masks."""
    return any((folder / name).is_dir() for name in FOLDERS)


def read_coloured(folder: Path, options: Options) -> Export:
    """Read the masks; :raises UserError: --colours was not given."""
    if not options.colours:
        raise UserError(f'{folder}: a folder of masks: give --colours FILE.yaml, a class '
                        'set with their colours')
    names, colours = options.colours
    place = next(folder / name for name in FOLDERS if (folder / name).is_dir())
    drawings = [coloured(path, path.stem, colours)
                for path in pictures_under(place)]
    return Export('masks', unique(names, '--colours'), drawings, void=voids(names))


def label_map(path: Path) -> Tuple[List[str], List[Colour]]:
    """Return names and colours of lines ``name:r,g,b:parts:actions``; :raises UserError: none."""
    names, colours = [], []
    for line in path.read_text(encoding='utf-8-sig').splitlines():
        if not line.strip() or line.startswith('#'):
            continue
        try:
            name, colour = line.split(':')[:2]
            red, green, blue = (int(value) for value in colour.split(','))
        except ValueError:
            raise UserError(f'{path}: {line!r} is not name:red,green,blue::') from None
        names.append(name)
        colours.append((red, green, blue))
    check_colours(names, colours, path)
    return unique(names, path), colours


def check_colours(names: Sequence[str], colours: Sequence[Colour], where: Path) -> None:
    """Compare colours; :raises UserError: two classes have the same."""
    for position, colour in enumerate(colours):
        if colour in colours[:position]:
            other = names[colours.index(colour)]
            raise UserError(f'{where}: {other!r} and {names[position]!r} have one colour, '
                            f'{colour}')


def class_table(path: Path) -> Tuple[List[str], List[int]]:
    """Return names and pixel values of Roboflow's CSV; :raises UserError: it is another."""
    try:
        with open(path, encoding='utf-8-sig', newline='') as file:
            rows = [row for row in csv.reader(file) if row][1:]
        ids, names = [int(row[0]) for row in rows], [row[1].strip() for row in rows]
    except (ValueError, IndexError):
        raise UserError(f'{path}: not a table of Pixel Value, Class') from None
    if len(set(ids)) < len(ids) or not all(0 <= value <= 255 for value in ids):
        raise UserError(f'{path}: a pixel value twice, or none of 0..255')
    return unique(names, path), ids


def coloured(path: Path, stem: str, colours: Sequence[Colour]) -> Drawing:
    """Return the drawing of a mask in colours."""
    return Drawing(stem, ids=lambda: by_colour(path, colours))


def indexed(path: Path, stem: str, values: List[int]) -> Drawing:
    """Return the drawing of a mask of pixel values."""
    def ids() -> np.ndarray:
        mask = labels_from_file(path)
        odd = np.setdiff1d(np.unique(mask), values)
        if odd.size:
            raise BadLabel(f'{path}: pixel values that no class has: '
                           f'{", ".join(map(str, odd[:8].tolist()))}')
        lookup = np.zeros(256, np.uint8)
        lookup[values] = np.arange(len(values))
        return lookup[mask]
    return Drawing(stem, ids=ids)


#: CVAT's "Segmentation mask 1.1" (Pascal VOC's form): colours by labelmap.txt.
SEGMENTATION_MASKS = Reader('segmentation_mask', has_segmentation_masks, read_segmentation_masks)
#: Roboflow's "semantic segmentation masks": NAME_mask.png next to NAME.jpg, ids by a CSV.
ROBOFLOW = Reader('roboflow', has_roboflow, read_roboflow)
#: A folder with masks/ (or labels/) whose palette or colours a table names.
COLOURED = Reader('masks', has_coloured, read_coloured)
