"""Pictures with pre-labels in the forms that labelling tools open."""
from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Sequence,
    Tuple,
    Union,
)
from xml.sax.saxutils import quoteattr

import cv2
import numpy as np
import yaml

from effvit_ros.core.whole_file import write_bytes, write_text
from effvit_ros.labeling.outlines import outlines
from effvit_ros.labeling.run_lengths import run_lengths, to_label_studio

#: Regions of fewer pixels are not pre-labelled: to remove one costs more than to draw it.
LEAST_PIXELS = 12


class Task(NamedTuple):
    """A picture's file name, its label map (H, W) uint8 (255 unlabelled), and why it is here."""

    file: str
    labels: np.ndarray
    reason: str = ''


def write_cvat(folder: Path, tasks: Iterable[Task], names: Sequence[str],
               palette: np.ndarray) -> None:
    """
    Write what CVAT imports: XML for images 1.1, COCO, segmentation masks, the labels' list.

    :param tasks: iterable of :class:`Task`.
    """
    images, coco, masks = [], _Coco(names), {}
    for number, task in enumerate(tasks):
        height, width = task.labels.shape
        shapes = ''.join(_mask(names[index], mask) for index, mask in regions(task.labels))
        images.append(f'  <image id="{number}" name={quoteattr(task.file)} width="{width}" '
                      f'height="{height}">\n{shapes}  </image>\n')
        coco.add(task)
        masks[task.file.rsplit('.', 1)[0]] = _png(_coloured(task.labels, palette))
    labels = ''.join(
        f'      <label><name>{_escaped(name)}</name><color>{_hex(color)}</color></label>\n'
        for name, color in zip(names, palette))
    write_text(folder / 'annotations.xml',
               '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
               f'  <meta><task><labels>\n{labels}    </labels></task></meta>\n'
               f'{"".join(images)}</annotations>\n')
    write_text(folder / 'coco' / 'instances_default.json', json.dumps(coco.content) + '\n')
    write_bytes(folder / 'segmentation_mask.zip', _mask_zip(masks, names, palette))
    write_text(folder / 'labels.json', json.dumps(
        [{'name': name, 'color': _hex(color), 'attributes': []}
         for name, color in zip(names, palette)], indent=1) + '\n')


def write_label_studio(folder: Path, tasks: Iterable[Task], names: Sequence[str],
                       palette: np.ndarray) -> None:
    """Write Label Studio's tasks with brushes as predictions, and its labelling interface."""
    _write_studio(folder, tasks, names, palette, 'BrushLabels', label_studio_result)


def write_label_studio_polygons(folder: Path, tasks: Iterable[Task], names: Sequence[str],
                                palette: np.ndarray) -> None:
    """Write the same with polygons, whose corners can be dragged."""
    _write_studio(folder, tasks, names, palette, 'PolygonLabels', label_studio_polygons)


def _write_studio(folder: Path, tasks: Iterable[Task], names: Sequence[str], palette: np.ndarray,
                  tool: str,
                  result: Callable[[np.ndarray, Sequence[str]], List[Dict[str, Any]]]) -> None:
    """Write tasks; pictures are taken from local storage, the folder above the tasks' images."""
    content = [{
        'data': {'image': f'/data/local-files/?d=images/{task.file}', 'reason': task.reason},
        'predictions': [{'model_version': 'effvit_ros', 'result': result(task.labels, names)}]}
        for task in tasks]
    write_text(folder / 'tasks.json', json.dumps(content) + '\n')
    labels = '\n'.join(f'    <Label value={quoteattr(name)} background="{_hex(color)}"/>'
                       for name, color in zip(names, palette))
    write_text(folder / 'interface.xml',
               '<View>\n  <Image name="image" value="$image" zoom="true"/>\n'
               f'  <{tool} name="tag" toName="image">\n{labels}\n  </{tool}>\n</View>\n')


def label_studio_result(labels: np.ndarray, names: Sequence[str]) -> List[Dict[str, Any]]:
    """Return a label map as Label Studio's results, one brush for each class."""
    return [_studio_region(labels, f'class{index}', 'brushlabels', names[index],
                           {'format': 'rle', 'rle': to_label_studio(mask)})
            for index, mask in regions(labels)]


def label_studio_polygons(labels: np.ndarray, names: Sequence[str]) -> List[Dict[str, Any]]:
    """Return a label map as Label Studio's results, one polygon for each connected region."""
    percent = 100 / np.array(labels.shape[::-1])
    return [_studio_region(labels, f'region{number}', 'polygonlabels', names[outline.index],
                           {'points': np.round(outline.points * percent, 4).tolist()})
            for number, outline in enumerate(outlines(labels, LEAST_PIXELS))]


def _studio_region(labels: np.ndarray, key: str, kind: str, name: str,
                   value: Dict[str, Any]) -> Dict[str, Any]:
    height, width = labels.shape
    return {'id': key, 'type': kind, 'from_name': 'tag', 'to_name': 'image',
            'original_width': width, 'original_height': height, 'image_rotation': 0,
            'value': {**value, kind: [name]}}


def write_png(folder: Path, tasks: Iterable[Task], names: Sequence[str],
              palette: np.ndarray) -> None:
    """Write 8-bit index PNGs, and the classes as a YAML file."""
    for task in tasks:
        write_bytes(folder / 'labels' / (task.file.rsplit('.', 1)[0] + '.png'), _png(task.labels))
    write_text(folder / 'classes.yaml', yaml.safe_dump(
        {'name': 'tasks', 'classes': [
            {'id': index, 'name': name, 'color': [int(part) for part in color]}
            for index, (name, color) in enumerate(zip(names, palette))]}, sort_keys=False))


#: Name of a format -> what writes it.
FORMS = {'cvat': write_cvat, 'labelstudio': write_label_studio,
         'labelstudio-polygons': write_label_studio_polygons, 'png': write_png}


def regions(labels: np.ndarray) -> Iterator[Tuple[int, np.ndarray]]:
    """Yield (class id, mask (H, W) bool) for each class that covers more than a few pixels."""
    counts = np.bincount(labels.ravel(), minlength=256)[:255]
    for index in np.flatnonzero(counts >= LEAST_PIXELS).tolist():
        yield index, labels == index


class _Coco:
    """COCO's content, filled task by task; masks are uncompressed run lengths."""

    def __init__(self, names: Sequence[str]) -> None:
        self.content: Dict[str, List[Dict[str, Any]]] = {
            'images': [], 'annotations': [], 'categories': [
                {'id': index + 1, 'name': name} for index, name in enumerate(names)]}

    def add(self, task: Task) -> None:
        """Add a picture with its regions."""
        height, width = task.labels.shape
        images, annotations = self.content['images'], self.content['annotations']
        images.append({'id': len(images) + 1, 'file_name': task.file, 'width': width,
                       'height': height})
        for index, mask in regions(task.labels):
            left, top, right, bottom = _box(mask)
            annotations.append({
                'id': len(annotations) + 1, 'image_id': len(images), 'category_id': index + 1,
                'segmentation': {'counts': run_lengths(mask.T), 'size': [height, width]},
                'area': int(mask.sum()), 'bbox': [left, top, right - left, bottom - top],
                'iscrowd': 1})


def _mask(name: str, mask: np.ndarray) -> str:
    left, top, right, bottom = _box(mask)
    runs = ', '.join(map(str, run_lengths(mask[top:bottom, left:right])))
    return (f'    <mask label={quoteattr(name)} source="auto" occluded="0" rle="{runs}" '
            f'left="{left}" top="{top}" width="{right - left}" height="{bottom - top}" '
            'z_order="0"/>\n')


def _box(mask: np.ndarray) -> Tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _mask_zip(masks: Mapping[str, bytes], names: Sequence[str], palette: np.ndarray) -> bytes:
    """Return the bytes of CVAT's "Segmentation mask 1.1"; its times are fixed."""
    table = ['# label:color_rgb:parts:actions']
    table += [f'{name}:{",".join(str(int(part)) for part in color)}::'
              for name, color in zip(names, palette)]
    files: Dict[str, Union[str, bytes]] = {
        'labelmap.txt': '\n'.join(table) + '\n',
        'ImageSets/Segmentation/default.txt': '\n'.join(sorted(masks)) + '\n'}
    files.update({f'SegmentationClass/{stem}.png': masks[stem] for stem in sorted(masks)})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


def _coloured(labels: np.ndarray, palette: np.ndarray) -> np.ndarray:
    table = np.zeros((256, 3), np.uint8)
    table[:len(palette)] = palette
    return table[labels][..., ::-1]


def _png(pixels: np.ndarray) -> bytes:
    return cv2.imencode('.png', pixels)[1].tobytes()


def _hex(color: np.ndarray) -> str:
    return '#%02x%02x%02x' % tuple(int(part) for part in color)


def _escaped(text: str) -> str:
    return text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')
