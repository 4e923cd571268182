"""Exports as labelling tools write them, made from label maps whose every pixel is known."""
from __future__ import annotations

import base64
import io
import json
import zlib

import cv2
import numpy as np
from PIL import Image
from pycocotools import mask as coco

from effvit_ros.labeling.run_lengths import run_lengths, to_label_studio

NAMES = ('water', 'road', 'person')
COLOURS = ((10, 20, 200), (90, 90, 90), (250, 0, 30))
SHAPE = 24, 40
STEMS = ('flight_0010', 'flight_0011', 'flight_0012', 'flight_0050', 'flight_0051')


def label_map(seed):
    """Return a label map of the three classes with unlabelled parts (255) and a ragged edge."""
    rng = np.random.default_rng(seed)
    label = np.full(SHAPE, 255, np.uint8)
    for number in range(3):
        top, left = rng.integers(0, 12), rng.integers(0, 20)
        part = rng.random((10, 16)) < 0.8
        label[top:top + 10, left:left + 16][part] = number
    return label


def maps():
    """Return the label map of each stem."""
    return {stem: label_map(seed) for seed, stem in enumerate(STEMS)}


def write_pictures(folder, ending='.jpg'):
    """Write a picture for each stem."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, stem in enumerate(STEMS):
        pixels = np.random.default_rng(number).integers(0, 256, (*SHAPE, 3), np.uint8)
        cv2.imwrite(str(folder / f'{stem}{ending}'), pixels)


def dump(path, content):
    """Write JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def cvat(root):
    """Write CVAT for images 1.1 with masks in boxes."""
    write_pictures(root / 'images')
    labels = ''.join(f'<label><name>{name}</name></label>' for name in NAMES)
    images = []
    for number, (stem, label) in enumerate(maps().items()):
        shapes = []
        for index, name in enumerate(NAMES):
            ys, xs = np.nonzero(label == index)
            top, left = ys.min(), xs.min()
            part = (label == index)[top:ys.max() + 1, left:xs.max() + 1]
            rle = ', '.join(map(str, run_lengths(part)))
            shapes.append(f'<mask label="{name}" rle="{rle}" left="{left}" top="{top}" '
                          f'width="{part.shape[1]}" height="{part.shape[0]}" z_order="0"/>')
        images.append(f'<image id="{number}" name="{stem}.jpg" width="{SHAPE[1]}" '
                      f'height="{SHAPE[0]}">{"".join(shapes)}</image>')
    (root / 'annotations.xml').write_text(
        f'<?xml version="1.0"?><annotations><version>1.1</version><meta><task><labels>{labels}'
        f'</labels></task></meta>{"".join(images)}</annotations>')


def segmentation_mask(root):
    """Write CVAT's segmentation mask 1.1: colours, the background for what nobody labelled."""
    write_pictures(root / 'JPEGImages')
    lines = ['# label:color_rgb:parts:actions', 'background:0,0,0::']
    lines += [f'{name}:{",".join(map(str, colour))}::' for name, colour in zip(NAMES, COLOURS)]
    (root / 'labelmap.txt').write_text('\n'.join(lines))
    (root / 'SegmentationClass').mkdir()
    for stem, label in maps().items():
        Image.fromarray(colours(label)).save(root / 'SegmentationClass' / f'{stem}.png')


def coco_masks(root, compressed):
    """Write COCO with run lengths, as lists or as strings."""
    write_pictures(root / 'images')
    content = {'images': [], 'annotations': [],
               'categories': [{'id': i + 1, 'name': name} for i, name in enumerate(NAMES)]}
    for number, (stem, label) in enumerate(maps().items()):
        content['images'].append({'id': number, 'file_name': f'{stem}.jpg', 'height': SHAPE[0],
                                  'width': SHAPE[1]})
        for index in range(3):
            mask = label == index
            if compressed:
                rle = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
                rle['counts'] = rle['counts'].decode()
            else:
                rle = {'counts': run_lengths(mask.T), 'size': list(SHAPE)}
            content['annotations'].append({
                'id': len(content['annotations']), 'image_id': number, 'category_id': index + 1,
                'segmentation': rle, 'iscrowd': 1, 'bbox': [0, 0, 1, 1]})
    dump(root / 'annotations' / 'instances_default.json', content)


def coco_panoptic(root):
    """Write COCO's panoptic PNGs: colours are segment ids, 0 is unlabelled."""
    write_pictures(root / 'images')
    content = {'images': [], 'annotations': [],
               'categories': [{'id': 7 * i, 'name': name} for i, name in enumerate(NAMES)]}
    place = root / 'annotations' / 'panoptic'
    place.mkdir(parents=True)
    for number, (stem, label) in enumerate(maps().items()):
        content['images'].append({'id': number, 'file_name': f'{stem}.jpg', 'height': SHAPE[0],
                                  'width': SHAPE[1]})
        segments = np.where(label == 255, 0, 300 + label.astype(int) * 70_000)
        rgb = np.stack([segments & 255, segments >> 8 & 255, segments >> 16], -1)
        Image.fromarray(rgb.astype(np.uint8)).save(place / f'{stem}.png')
        content['annotations'].append({
            'image_id': number, 'file_name': f'{stem}.png', 'segments_info': [
                {'id': 300 + i * 70_000, 'category_id': 7 * i} for i in range(3)]})
    dump(root / 'annotations' / 'panoptic.json', content)


def label_studio(root):
    """Write Label Studio's JSON with brushes; pictures with the names of uploads."""
    write_pictures(root / 'pictures')
    tasks = []
    for number, (stem, label) in enumerate(maps().items()):
        result = [{'type': 'brushlabels', 'original_width': SHAPE[1], 'original_height': SHAPE[0],
                   'image_rotation': 0, 'from_name': 'tag', 'to_name': 'image',
                   'value': {'format': 'rle', 'rle': to_label_studio(label == index),
                             'brushlabels': [name]}} for index, name in enumerate(NAMES)]
        tasks.append({'id': number, 'data': {'image': f'/data/upload/1/0a1b2c3d-{stem}.jpg'},
                      'annotations': [{'was_cancelled': True, 'result': []},
                                      {'was_cancelled': False, 'result': result}]})
    dump(root / 'project-1.json', tasks)


def roboflow(root):
    """Write Roboflow's semantic masks in two splits."""
    for split, stems in (('train', STEMS[:3]), ('valid', STEMS[3:])):
        place = root / split
        write_pictures(place)
        for stem in STEMS:
            if stem not in stems:
                (place / f'{stem}.jpg').unlink()
        for stem in stems:
            mask = maps()[stem].astype(int) + 1
            Image.fromarray((mask % 256).astype(np.uint8)).save(place / f'{stem}_mask.png')
        rows = ['Pixel Value, Class', '0, background']
        rows += [f'{i + 1}, {name}' for i, name in enumerate(NAMES)]
        (place / '_classes.csv').write_text('\n'.join(rows))


def labelme(root):
    """Write LabelMe with masks in boxes."""
    write_pictures(root)
    for stem, label in maps().items():
        shapes = []
        for index, name in enumerate(NAMES):
            ys, xs = np.nonzero(label == index)
            part = (label == index)[ys.min():ys.max() + 1, xs.min():xs.max() + 1]
            shapes.append({'label': name, 'shape_type': 'mask', 'mask': png(part),
                           'points': [[int(xs.min()), int(ys.min())],
                                      [int(xs.max()), int(ys.max())]]})
        dump(root / f'{stem}.json', {'imagePath': f'..\\pics\\{stem}.jpg', 'shapes': shapes,
                                     'imageHeight': SHAPE[0], 'imageWidth': SHAPE[1]})


def supervisely(root):
    """Write a project of Supervisely with bitmaps."""
    write_pictures(root / 'ds0' / 'img')
    dump(root / 'meta.json', {'classes': [{'title': name, 'shape': 'bitmap'} for name in NAMES]})
    for stem, label in maps().items():
        objects = []
        for index, name in enumerate(NAMES):
            ys, xs = np.nonzero(label == index)
            part = (label == index)[ys.min():ys.max() + 1, xs.min():xs.max() + 1]
            data = base64.b64encode(zlib.compress(base64.b64decode(png(part)))).decode()
            objects.append({'classTitle': name, 'geometryType': 'bitmap', 'bitmap': {
                'data': data, 'origin': [int(xs.min()), int(ys.min())]}})
        dump(root / 'ds0' / 'ann' / f'{stem}.jpg.json', {
            'size': {'height': SHAPE[0], 'width': SHAPE[1]}, 'objects': objects})


def palette_masks(root):
    """Write a folder of PNGs with a palette; black is unlabelled."""
    write_pictures(root / 'images')
    (root / 'masks').mkdir()
    for stem, label in maps().items():
        picture = Image.fromarray(np.where(label == 255, 0, label + 1).astype(np.uint8), 'L')
        picture = picture.convert('P')
        picture.putpalette([0, 0, 0, *np.array(COLOURS).ravel().tolist()])
        picture.save(root / 'masks' / f'{stem}.png')


def rgb_masks(root):
    """Write a folder of PNGs in colours; black is unlabelled."""
    write_pictures(root / 'images')
    (root / 'labels').mkdir()
    for stem, label in maps().items():
        Image.fromarray(colours(label)).save(root / 'labels' / f'{stem}.png')


def colours(label):
    """Return a label map in colours, black where nothing is labelled."""
    table = np.zeros((256, 3), np.uint8)
    table[:3] = COLOURS
    return table[label]


def png(mask):
    """Return a mask as base64 of a PNG."""
    file = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(file, 'PNG')
    return base64.b64encode(file.getvalue()).decode()
