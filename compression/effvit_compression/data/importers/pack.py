"""One dataset of an export: pictures, index PNGs and their description, all of it or nothing."""
from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Callable, Dict, List, Optional, Sequence

import cv2
import numpy as np
import yaml
from PIL import Image

from effvit_compression.data.importers.export import BadLabel, Drawing, Export, UNLABELLED
from effvit_compression.data.importers.split import held_out
from effvit_compression.data.pictures import BROKEN, check_whole, read_image
from effvit_ros.core.errors import UserError
from effvit_ros.core.labelled_pictures import read_picture
from effvit_ros.core.picture_files import pictures_under

DESCRIPTION = 'dataset.yaml'
#: EXIF's tag that says how a camera was held, and its value for upright.
ORIENTATION, UPRIGHT = 274, 1


@dataclass
class Packed:
    """``pixels``: labelled pixels of each class over all pictures; ``bare``: unlabelled ones."""

    pictures: Dict[str, int]
    pixels: np.ndarray
    bare: int = 0
    problems: List[str] = field(default_factory=list)


def pack(export: Export, places: Sequence[Path], out: Path, names: Sequence[str],
         table: Dict[str, int], rest: int = UNLABELLED, leave_out: bool = False,
         advance: Callable[[], None] = lambda: None) -> Packed:
    """
    Write ``out``: images/, labels/ (each train/ and val/) and ``dataset.yaml``.

    :param places: folders that are looked through for the pictures.
    :param names: of the classes, in the order of their ids.
    :param table: export class -> id.
    :param rest: id of the pixels that nobody labelled.
    :param leave_out: pictures with problems are left out; else nothing is written.
    :raises Refused: something is wrong; :raises UserError: ``out`` is there already.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f'--out {out}: not empty: give a new folder')
    out.parent.mkdir(parents=True, exist_ok=True)
    packed = Packed({}, np.zeros(len(names), np.int64), problems=list(export.problems))
    finder = Finder(places)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix='.import-') as place:
        new = Path(place) / out.name
        stems: Dict[str, str] = {}
        ready = Path(place) / 'ready'
        ready.mkdir()
        for drawing in export.drawings:
            advance()
            try:
                image = finder.find(drawing.name)
                stem = image.stem
                if stem in stems:
                    raise BadLabel(f'{drawing.name}: named like {stems[stem]}')
                stems[stem] = drawing.name
                one(drawing, image, ready, stem, names, table, rest, export.classes, packed)
            except UserError as error:
                packed.problems.append(str(error))
        if packed.problems and not leave_out:
            raise Refused(packed.problems)
        done = sorted(path.stem for path in ready.glob('*.label.png'))
        done = [stem[:-len('.label')] for stem in done]
        if not done:
            raise Refused([*packed.problems, 'no picture is left'])
        suffix = alike(ready)
        sides = held_out(done)
        for stem, judged in zip(done, sides):
            split = 'val' if judged else 'train'
            packed.pictures[split] = packed.pictures.get(split, 0) + 1
            move(ready, new, stem, split)
        text = description(out.name, names, packed.pictures, suffix)
        (new / DESCRIPTION).write_text(text, encoding='utf-8')
        if out.exists():
            out.rmdir()
        os.replace(new, out)
    return packed


class Refused(UserError):
    """An export with problems; ``problems`` lists them all."""

    def __init__(self, problems: List[str]):
        super().__init__(f'{len(problems)} problems, listed above: mend them, or leave those '
                         'pictures out with --leave-out; nothing was written')
        self.problems = problems


class Finder:
    """Finds pictures below folders by the ending of their paths."""

    def __init__(self, places: Sequence[Path]):
        self._by_name: Dict[str, List[Path]] = {}
        self._by_stem: Dict[str, List[Path]] = {}
        for place in places:
            for path in pictures_under(place):
                if not is_mask(path, place):
                    self._by_name.setdefault(path.name, []).append(path)
                    self._by_stem.setdefault(path.stem, []).append(path)

    def find(self, name: str) -> Path:
        """
        Return the picture that an export calls ``name``.

        Label Studio puts eight digits and a hyphen before the names of what is uploaded.

        :raises BadLabel: there is none, or there are several.
        """
        base = PurePosixPath(name.replace('\\', '/')).name
        found = self._by_name.get(base) or self._by_stem.get(base) or (
            self._by_name.get(base[9:]) if base[8:9] == '-' else None) or []
        if len(found) > 1:  # the folders may tell them apart
            parts = PurePosixPath(name.replace('\\', '/')).parts
            found = [p for p in found if p.parts[-len(parts):] == parts] or found
        if not found:
            raise BadLabel(f'{name}: no such picture: give --images, the folder that holds it')
        if len(found) > 1:
            raise BadLabel(f'{name}: {len(found)} such pictures: {found[0]}, {found[1]}')
        return found[0]


def is_mask(path: Path, place: Path) -> bool:
    """Whether a picture is a mask by its place."""
    inside = path.relative_to(place).parts[:-1]
    return path.stem.endswith('_mask') or bool(
        {'SegmentationClass', 'SegmentationObject', 'masks', 'labels'} & set(inside))


def one(drawing: Drawing, image: Path, ready: Path, stem: str, names: Sequence[str],
        table: Dict[str, int], rest: int, classes: Sequence[str], packed: Packed) -> None:
    """Write a picture and its label; :raises UserError: something is wrong with them."""
    check_whole(image)
    pixels = read_image(image)
    label = drawing.paint(pixels.shape[:2], table, classes)
    label[label == UNLABELLED] = rest
    counts = np.bincount(label.ravel(), minlength=256)
    if not counts[:len(names)].any():
        raise BadLabel(f'{drawing.name}: nothing in it is labelled')
    packed.pixels += counts[:len(names)]
    packed.bare += int(counts[UNLABELLED])
    if turned(image):
        cv2.imwrite(str(ready / f'{stem}.image.png'), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    else:
        shutil.copyfile(image, ready / f'{stem}.image{image.suffix.lower()}')
    if not cv2.imwrite(str(ready / f'{stem}.label.png'), label):
        raise UserError(f'{ready}: the label of {drawing.name} can\'t be written')


def turned(path: Path) -> Optional[int]:
    """Return EXIF's orientation where it is not upright: such a file would be read two ways."""
    try:
        with Image.open(path) as picture:
            found = picture.getexif().get(ORIENTATION, UPRIGHT)
    except BROKEN:
        return None
    return None if found == UPRIGHT else found


def move(ready: Path, new: Path, stem: str, split: str) -> None:
    """Put a finished pair into its split."""
    for kind in ('image', 'label'):
        source = next(p for p in ready.iterdir() if p.stem == f'{stem}.{kind}')
        folder = new / f'{kind}s' / split
        folder.mkdir(parents=True, exist_ok=True)
        os.replace(source, folder / f'{stem}{source.suffix}')


def alike(ready: Path) -> str:
    """Give all pictures one ending, that of PNG where they have several, and return it."""
    pictures = [path for path in ready.iterdir() if path.stem.endswith('.image')]
    suffixes = {path.suffix for path in pictures}
    if len(suffixes) == 1:
        return suffixes.pop()
    for path in pictures:
        if path.suffix != '.png':
            cv2.imwrite(str(path.with_suffix('.png')), read_picture(path).bgr())
            path.unlink()
    return '.png'


def description(name: str, names: Sequence[str], pictures: Dict[str, int], suffix: str) -> str:
    """Return the text of ``dataset.yaml``."""
    splits = {split: {'images': f'images/{split}/*{suffix}', 'labels': f'labels/{split}/*.png'}
              for split in sorted(pictures)}
    fields = {'name': name, 'root': '.', 'splits': splits, 'encoding': 'index',
              'classes': list(names), 'licence': 'unknown', 'terms': '', 'source': ''}
    return yaml.safe_dump(fields, sort_keys=False, width=99, allow_unicode=True)
