"""COCO's segmentations (of CVAT, Roboflow and others) and its panoptic form."""
from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy as np

from effvit_compression.data.importers.export import (
    BadLabel,
    Drawing,
    Export,
    in_a_line,
    Layer,
    MALFORMED,
    Options,
    polygon,
    read_json,
    read_rgb,
    Reader,
    Shape,
    unique,
)
from effvit_ros.core.errors import UserError
from effvit_ros.core.picture_files import files_under

KEYS = {'images', 'annotations', 'categories'}


def recognises(folder: Path) -> bool:
    """Whether the folder holds a JSON file of COCO's form."""
    return bool(files(folder))


def files(folder: Path) -> List[Path]:
    """Return the JSON files of COCO's form: one, or one for each split."""
    return [path for path in files_under(folder, '.json') if is_coco(path)]


def is_coco(path: Path) -> bool:
    """Whether a JSON file has COCO's keys."""
    try:
        content = read_json(path)
    except UserError:
        return False
    return isinstance(content, dict) and KEYS <= content.keys()


def read(folder: Path, options: Options) -> Export:
    """Read every file; :raises UserError: categories differ, an id is unknown or there twice."""
    export = Export('coco', [], [])
    for path in files(folder):
        content = read_json(path)
        try:
            names = {c['id']: str(c['name']).strip() for c in content['categories']}
            if len(names) < len(content['categories']):
                raise UserError(f'{path}: two categories have the same id')
            classes = unique(list(names.values()), path)
            if export.classes and export.classes != classes:
                raise UserError(f'{path}: its categories are not those of the other files')
            export.classes = classes
            read_images(path, content, names, export)
        except MALFORMED as error:
            raise UserError(f'{path}: not COCO: {in_a_line(error)}') from error
    return export


def read_images(path: Path, content: Dict[str, Any], names: Dict[int, str],
                export: Export) -> None:
    """Add the drawings of one file to an export."""
    ids = [image['id'] for image in content['images']]
    twice = next((known for known, n in Counter(ids).items() if n > 1), None)
    if twice is not None:
        raise UserError(f'{path}: two images have the id {twice}: nobody can tell whose '
                        'annotations are whose')
    by_image: Dict[Any, List[dict]] = {}
    for annotation in content['annotations']:
        by_image.setdefault(annotation['image_id'], []).append(annotation)
    for image in content['images']:
        name = str(image['file_name'])
        try:
            size = int(image['height']), int(image['width'])
            found = by_image.pop(image['id'], [])
            if any('segments_info' in annotation for annotation in found):
                export.form = 'coco_panoptic'
                export.drawings.append(panoptic(path, name, size, found, names, export.classes))
                continue
            layers = [Layer(names[a['category_id']], region(a, name)) for a in found]
            export.drawings.append(Drawing(name, size, layers))
        except KeyError as error:
            export.problems.append(f'{path}: {name}: category or key {error} is unknown')
        except BadLabel as error:
            export.problems.append(str(error))
        except MALFORMED as error:
            export.problems.append(f'{path}: {name}: {in_a_line(error)}')
    for image in by_image:
        export.problems.append(f'{path}: annotations of image {image}, which is not listed')


def region(annotation: Dict[str, Any], name: str) -> Callable[[Shape], np.ndarray]:
    """Return the mask of an annotation; :raises BadLabel: it has no segmentation."""
    shape = annotation.get('segmentation')
    if isinstance(shape, list) and shape:
        parts = [polygon(points, name) for points in shape]
        return lambda size: np.logical_or.reduce([part(size) for part in parts])
    if isinstance(shape, dict) and {'counts', 'size'} <= shape.keys():
        return lambda size: decoded(shape, size, name)
    raise BadLabel(f'{name}: a box without a segmentation is no outline: label masks or polygons')


def decoded(rle: Dict[str, Any], size: Shape, name: str) -> np.ndarray:
    """Mask of COCO's run lengths, compressed or not; :raises BadLabel: of another size."""
    from pycocotools import mask as coco
    if tuple(rle['size']) != size:
        raise BadLabel(f'{name}: a mask of {rle["size"][1]}x{rle["size"][0]}, its picture has '
                       f'{size[1]}x{size[0]}')
    counts = rle['counts']
    if isinstance(counts, list):
        if sum(counts) != size[0] * size[1] or min(counts, default=0) < 0:
            raise BadLabel(f'{name}: run lengths of {sum(counts)} pixels, not {size[0] * size[1]}')
        return coco.decode(coco.frPyObjects(rle, *size)).astype(bool)
    try:
        return coco.decode({'size': list(size), 'counts': counts}).astype(bool)
    except (ValueError, TypeError, UnicodeError) as error:
        raise BadLabel(f'{name}: a damaged mask ({error})') from error


def panoptic(path: Path, name: str, size: Shape, found: List[dict], names: Dict[int, str],
             classes: List[str]) -> Drawing:
    """Return the drawing of a PNG whose colours are segment ids; segment 0 is unlabelled."""
    if len(found) != 1:
        raise BadLabel(f'{path}: {name}: {len(found)} panoptic annotations, not one')
    file = found[0]['file_name']
    places = [p for p in (path.parent / file, path.parent / path.stem / file,
                          path.parent.parent / path.stem / file) if p.is_file()]
    if not places:
        raise BadLabel(f'{path}: {name}: its PNG {file} is missing')
    segments = {int(s['id']): classes.index(names[s['category_id']])
                for s in found[0]['segments_info']}

    def ids() -> np.ndarray:
        rgb = read_rgb(places[0]).astype(np.int64)
        code = rgb @ np.array([1, 256, 65536])
        label = np.full(code.shape, 255, np.uint8)
        for value in np.unique(code).tolist():
            if value == 0:
                continue
            if value not in segments:
                raise BadLabel(f'{places[0]}: segment {value} is not in segments_info')
            label[code == value] = segments[value]
        return label
    return Drawing(name, size, ids=ids)


READER = Reader('coco', recognises, read)
