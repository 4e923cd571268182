"""CVAT for images 1.1: one annotations.xml with polygons and masks."""
from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import List

import numpy as np

from effvit_compression.data.importers.export import (
    BadLabel,
    Drawing,
    Export,
    Layer,
    Options,
    pasted,
    polygon,
    Reader,
    unique,
)
from effvit_ros.core.errors import UserError
from effvit_ros.labeling.run_lengths import from_run_lengths

FILE = 'annotations.xml'


def recognises(folder: Path) -> bool:
    """Whether the folder holds CVAT's XML."""
    return (folder / FILE).is_file()


def read(folder: Path, options: Options) -> Export:
    """Read the shapes; :raises UserError: no XML, or no CVAT XML of images."""
    path = folder / FILE
    content = path.read_bytes()
    if b'<!DOCTYPE' in content or b'<!ENTITY' in content:
        raise UserError(f'{path}: declares entities, which no export of CVAT does')
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise UserError(f'{path}: not XML: {error}') from error
    images = root.findall('image')
    if root.tag != 'annotations' or root.find('track') is not None:
        raise UserError(f'{path}: export it as "CVAT for images 1.1"; of a video task, too')
    declared = [label.findtext('name', '') for label in root.iterfind('.//labels/label')]
    # A project lists a label once for each of its tasks.
    used = [shape.get('label', '') for image in images for shape in image if shape.get('label')]
    listed = unique(declared, path) if declared else unique(sorted(set(used)), path)
    export = Export('cvat', listed, [])
    for image in images:
        try:
            export.drawings.append(drawing(image, listed, path))
        except BadLabel as error:
            export.problems.append(str(error))
    return export


def drawing(image: ElementTree.Element, classes: List[str], path: Path) -> Drawing:
    """Return an image's shapes, the lowest first; :raises BadLabel: one is no area."""
    name = image.get('name', '')
    try:
        size = number(image, 'height'), number(image, 'width')
        shapes = sorted((s for s in image if s.tag != 'tag'),
                        key=lambda shape: int(shape.get('z_order', 0)))
        layers = [layer(shape, name) for shape in shapes]
    except ValueError as error:
        raise BadLabel(f'{path}: image {name!r}: {error}') from error
    for found in layers:
        if found.name not in classes:
            raise BadLabel(f'{path}: image {name!r}: label {found.name!r} is not declared')
    return Drawing(name, size, layers)


def layer(shape: ElementTree.Element, name: str) -> Layer:
    """Return a shape's area; :raises BadLabel: it has none, or is damaged."""
    label = shape.get('label', '')
    if shape.tag == 'polygon':
        points = [float(value) for point in shape.get('points', '').split(';') if point
                  for value in point.split(',')]
        return Layer(label, polygon(points, name))
    if shape.tag == 'mask':
        height, width = number(shape, 'height'), number(shape, 'width')
        runs = [int(run) for run in shape.get('rle', '').split(',') if run.strip()]
        part = from_run_lengths(runs, height * width).reshape(height, width)
        return Layer(label, pasted(np.asarray(part), number(shape, 'left'),
                                   number(shape, 'top'), name))
    raise BadLabel(f'{name}: a {shape.tag} of {label!r} is no outline: make it a polygon or mask')


def number(element: ElementTree.Element, key: str) -> int:
    """Return an attribute; :raises ValueError: it is missing, or no whole number."""
    text = element.get(key)
    if text is None:
        raise ValueError(f'{element.tag} without {key}')
    return int(text)


READER = Reader('cvat', recognises, read)
