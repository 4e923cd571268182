"""Label Studio's JSON: brushes and polygons."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List
from urllib.parse import parse_qs, unquote, urlparse

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
    Reader,
    Shape,
    unique,
)
from effvit_ros.core.errors import UserError
from effvit_ros.core.picture_files import visible
from effvit_ros.labeling.run_lengths import from_label_studio


def recognises(folder: Path) -> bool:
    """Whether the folder holds a list of tasks."""
    return bool(files(folder))


def files(folder: Path) -> List[Path]:
    """Return the JSON files that hold tasks with annotations."""
    return [path for path in visible(folder)
            if path.suffix == '.json' and is_tasks(path)]


def is_tasks(path: Path) -> bool:
    """Whether a JSON file is a list of tasks."""
    try:
        content = read_json(path)
    except UserError:
        return False
    return isinstance(content, list) and bool(content) and all(
        isinstance(task, dict) and 'data' in task for task in content)


def read(folder: Path, options: Options) -> Export:
    """Read every task; :raises UserError: the smaller export JSON-MIN."""
    export = Export('labelstudio', [], [])
    for path in files(folder):
        for task in read_json(path):
            name = picture_of(task, path)
            try:
                export.drawings.append(drawing(task, name))
            except BadLabel as error:
                export.problems.append(str(error))
            except MALFORMED as error:
                export.problems.append(f'{name}: {in_a_line(error)}')
    names = {layer.name for drawn in export.drawings for layer in drawn.layers}
    export.classes = unique(sorted(names), folder)
    return export


def picture_of(task: Dict[str, Any], path: Path) -> str:
    """Return the name of a task's picture, of whatever storage it came from."""
    texts = [value for value in task['data'].values() if isinstance(value, str)]
    if not texts:
        raise UserError(f'{path}: task {task.get("id")}: its data names no picture')
    url = urlparse(texts[0] if 'image' not in task['data'] else str(task['data']['image']))
    local = parse_qs(url.query).get('d')  # /data/local-files/?d=folder/picture.jpg
    return unquote(local[0] if local else url.path)


def drawing(task: Dict[str, Any], name: str) -> Drawing:
    """Return the one annotation of a task; :raises BadLabel: it has none, or several."""
    annotations = [a for a in task.get('annotations', []) if not a.get('was_cancelled')]
    if len(annotations) != 1:
        raise BadLabel(f'{name}: {len(annotations)} annotations: keep one in Label Studio')
    results = [r for r in annotations[0]['result'] if r['type'] not in ('choices', 'textarea')]
    sizes = {(int(r['original_height']), int(r['original_width'])) for r in results}
    if len(sizes) > 1:
        raise BadLabel(f'{name}: results for pictures of different sizes')
    layers = [layer(result, name) for result in results]
    return Drawing(name, sizes.pop() if sizes else None, layers)


def layer(result: Dict[str, Any], name: str) -> Layer:
    """Return the region of one result; :raises BadLabel: it is no area of one class."""
    kind, value = result['type'], result['value']
    labels = value.get(kind) or value.get('brushlabels') or value.get('polygonlabels') or []
    if len(labels) != 1:
        raise BadLabel(f'{name}: a {kind} of {len(labels)} classes, not one')
    if result.get('image_rotation'):
        raise BadLabel(f'{name}: was turned in Label Studio: turn the picture itself')
    height, width = int(result['original_height']), int(result['original_width'])
    if 'rle' in value:
        rle = value['rle']

        def brush(shape: Shape) -> np.ndarray:
            try:
                return from_label_studio(rle, *shape)
            except ValueError as error:
                raise BadLabel(f'{name}: {error}') from error
        return Layer(str(labels[0]), brush)
    if kind == 'polygonlabels':
        points = np.asarray(value['points'], float) / 100 * (width, height)
        return Layer(str(labels[0]), polygon(points.ravel().tolist(), name))
    raise BadLabel(f'{name}: a {kind} is no outline: use brush or polygons')


READER = Reader('labelstudio', recognises, read)
