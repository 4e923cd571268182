"""LabelMe: a JSON file next to each picture."""
from __future__ import annotations

import base64
from pathlib import Path, PureWindowsPath
from typing import Any, Dict, List

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
    polygon,
    read_json,
    Reader,
    rectangle,
    unique,
)
from effvit_ros.core.errors import UserError
from effvit_ros.core.picture_files import files_under


def recognises(folder: Path) -> bool:
    """Whether the folder holds LabelMe's files."""
    return bool(files(folder))


def files(folder: Path) -> List[Path]:
    """Return LabelMe's files."""
    return [path for path in files_under(folder, '.json') if is_labelme(path)]


def is_labelme(path: Path) -> bool:
    """Whether a JSON file has LabelMe's keys."""
    try:
        content = read_json(path)
    except UserError:
        return False
    return isinstance(content, dict) and {'shapes', 'imagePath'} <= content.keys()


def read(folder: Path, options: Options) -> Export:
    """Read every file."""
    export = Export('labelme', [], [])
    for path in files(folder):
        content = read_json(path)
        name = PureWindowsPath(str(content['imagePath'])).name
        try:
            size = int(content['imageHeight']), int(content['imageWidth'])
            layers = [layer(shape, name) for shape in content['shapes']]
            export.drawings.append(Drawing(name, size, layers))
        except BadLabel as error:
            export.problems.append(str(error))
        except MALFORMED as error:
            export.problems.append(f'{path}: {in_a_line(error)}')
    export.classes = unique(sorted({
        layer.name for drawn in export.drawings for layer in drawn.layers}), folder)
    return export


def layer(shape: Dict[str, Any], name: str) -> Layer:
    """Return a shape's area; :raises BadLabel: it has none."""
    label, kind = str(shape['label']).strip(), shape.get('shape_type', 'polygon')
    points = np.asarray(shape['points'], float)
    if kind == 'polygon':
        return Layer(label, polygon(points.ravel().tolist(), name))
    if kind == 'rectangle':
        return Layer(label, rectangle(*points.ravel()[:4]))
    if kind == 'mask':
        part = decode_png(base64.b64decode(shape['mask']), name)
        left, top = points[0].round().astype(int).tolist()
        return Layer(label, pasted(part, left, top, name))
    raise BadLabel(f'{name}: a {kind} of {label!r} is no outline: make it a polygon')


READER = Reader('labelme', recognises, read)
