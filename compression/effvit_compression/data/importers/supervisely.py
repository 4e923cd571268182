"""Supervisely: meta.json, and for each picture ann/PICTURE.json."""
from __future__ import annotations

import base64
import zlib
from pathlib import Path
from typing import Any, Callable, Dict, List

import cv2
import numpy as np

from effvit_compression.data.importers.export import (
    BadLabel,
    decode_png,
    Drawing,
    Export,
    in_a_line,
    Layer,
    MALFORMED,
    Options,
    pasted,
    read_json,
    Reader,
    Shape,
    unique,
)
from effvit_ros.core.errors import UserError
from effvit_ros.core.picture_files import files_under


def recognises(folder: Path) -> bool:
    """Whether the folder is a project."""
    return (folder / 'meta.json').is_file() and bool(files(folder))


def files(folder: Path) -> List[Path]:
    """Return the annotations, named like their pictures and .json."""
    return [path for path in files_under(folder, '.json') if path.parent.name == 'ann']


def read(folder: Path, options: Options) -> Export:
    """Read every annotation; :raises UserError: meta.json lists no classes."""
    meta = read_json(folder / 'meta.json')
    try:
        classes = [c['title'] for c in meta['classes']]
    except (KeyError, TypeError):
        raise UserError(f'{folder / "meta.json"}: lists no classes') from None
    export = Export('supervisely', unique(classes, folder / 'meta.json'), [])
    for path in files(folder):
        try:
            export.drawings.append(drawing(path, export.classes))
        except BadLabel as error:
            export.problems.append(str(error))
        except MALFORMED as error:
            export.problems.append(f'{path}: {in_a_line(error)}')
    return export


def drawing(path: Path, classes: List[str]) -> Drawing:
    """Return a picture's objects; :raises BadLabel: one is no area, or of an unknown class."""
    content = read_json(path)
    size = int(content['size']['height']), int(content['size']['width'])
    layers = []
    for thing in content['objects']:
        if thing['classTitle'] not in classes:
            raise BadLabel(f'{path}: class {thing["classTitle"]!r} is not in meta.json')
        layers.append(Layer(str(thing['classTitle']).strip(), region(thing, path)))
    return Drawing(path.stem, size, layers)


def region(thing: Dict[str, Any], path: Path) -> Callable[[Shape], np.ndarray]:
    """Return an object's mask; :raises BadLabel: it is no area."""
    kind = thing['geometryType']
    if kind == 'bitmap':
        left, top = (int(value) for value in thing['bitmap']['origin'])
        data = zlib.decompress(base64.b64decode(thing['bitmap']['data']))
        return pasted(decode_png(data, str(path)), left, top, str(path))
    if kind not in ('polygon', 'rectangle'):
        raise BadLabel(f'{path}: a {kind} of {thing["classTitle"]!r} is no outline: make it a '
                       'polygon or bitmap')
    outer, *holes = [np.asarray(points, float).round().astype(np.int32).reshape(-1, 1, 2)
                     for points in (thing['points']['exterior'],
                                    *thing['points'].get('interior', []))]

    def mask(shape: Shape) -> np.ndarray:
        canvas = np.zeros(shape, np.uint8)
        if kind == 'rectangle':
            cv2.rectangle(canvas, tuple(outer[0, 0].tolist()), tuple(outer[1, 0].tolist()), 1, -1)
        else:
            cv2.fillPoly(canvas, [outer], 1)  # corners are pixels, which belong to it
        for hole in holes:
            cv2.fillPoly(canvas, [hole], 0)
        return canvas.astype(bool)
    return mask


READER = Reader('supervisely', recognises, read)
