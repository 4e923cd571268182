"""data-import: every export gives its very pixels back, and what is wrong is one line each."""
from __future__ import annotations

import json
import re
import zipfile

import cv2
import label_exports as exports
import numpy as np
import pytest
import yaml

from effvit_compression.cli import main
from effvit_compression.data.importers.export import polygon
from effvit_compression.data.importers.split import held_out, moment_of

FORMS = {
    'cvat': exports.cvat,
    'segmentation_mask': exports.segmentation_mask,
    'coco': lambda root: exports.coco_masks(root, compressed=False),
    'coco_compressed': lambda root: exports.coco_masks(root, compressed=True),
    'coco_panoptic': exports.coco_panoptic,
    'labelstudio': exports.label_studio,
    'roboflow': exports.roboflow,
    'labelme': exports.labelme,
    'supervisely': exports.supervisely,
    'masks_palette': exports.palette_masks,
    'masks_rgb': exports.rgb_masks,
}


@pytest.fixture
def classes(tmp_path):
    """Return a class set in another order than the exports'."""
    return class_file(tmp_path / 'classes.yaml', 'field', 'person', 'water', 'road')


@pytest.fixture
def table(tmp_path):
    """Return a table of the masks' colours."""
    return class_file(tmp_path / 'colours.yaml', 'background', *exports.NAMES,
                      colours=((0, 0, 0), *exports.COLOURS))


def class_file(path, *names, colours=None):
    """Write a class set; return its file."""
    colours = colours or [(i, i, i) for i in range(len(names))]
    path.write_text(yaml.safe_dump({'name': 'farm', 'classes': [
        {'id': i, 'name': name, 'color': list(colour)}
        for i, (name, colour) in enumerate(zip(names, colours))]}))
    return path


def imported(*arguments):
    """Run the command; return its exit code."""
    return main(['data-import', *map(str, arguments)])


def labels_of(dataset):
    """Return the label maps of a dataset by stem."""
    return {path.stem: cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            for path in dataset.glob('labels/*/*.png')}


@pytest.mark.parametrize('packed', [False, True], ids=['folder', 'zip'])
@pytest.mark.parametrize('form', FORMS)
def test_round_trip_is_equal_pixel_by_pixel(tmp_path, classes, table, form, packed):
    root, out = tmp_path / 'export', tmp_path / 'dataset'
    root.mkdir()
    FORMS[form](root)
    if packed:
        with zipfile.ZipFile(tmp_path / 'export.zip', 'w') as archive:
            for path in sorted(root.rglob('*')):
                archive.write(path, path.relative_to(root))
        root = tmp_path / 'export.zip'
    options = ['--colours', table] if form.startswith('masks') else []
    assert imported(root, '--out', out, '--classes', classes, *options) == 0
    ours = np.full(256, 255, np.uint8)
    ours[:3] = 2, 3, 1  # water, road, person in the class set's order
    found = labels_of(out)
    assert found.keys() == set(exports.STEMS)
    for stem, label in exports.maps().items():
        np.testing.assert_array_equal(found[stem], ours[label], err_msg=stem)
    pictures = {path.stem for path in out.glob('images/*/*.jpg')}
    assert pictures == set(exports.STEMS)
    assert not list(tmp_path.glob('.import-*'))


def test_dataset_has_a_description_and_a_split_by_time(tmp_path, classes):
    exports.cvat(tmp_path)
    assert imported(tmp_path, '--out', tmp_path / 'new', '--classes', classes) == 0
    fields = yaml.safe_load((tmp_path / 'new' / 'dataset.yaml').read_text())
    assert fields['classes'] == ['field', 'person', 'water', 'road']
    assert {path.stem for path in tmp_path.glob('new/images/val/*')} == {
        'flight_0050', 'flight_0051'}


def test_rest_gives_the_unlabelled_pixels_a_class(tmp_path, classes):
    exports.cvat(tmp_path)
    assert imported(tmp_path, '--out', tmp_path / 'new', '--classes', classes,
                    '--rest', 'field') == 0
    for stem, label in labels_of(tmp_path / 'new').items():
        np.testing.assert_array_equal(label == 0, exports.maps()[stem] == 255)


@pytest.mark.parametrize('points, expected', [
    pytest.param([2, 1, 6, 1, 6, 3, 2, 3], (slice(1, 3), slice(2, 6)), id='box'),
    pytest.param([0, 0, 8, 0, 8, 5, 0, 5], (slice(0, 5), slice(0, 8)), id='whole'),
])
def test_polygon_along_pixel_edges_fills_these_pixels(points, expected):
    wanted = np.zeros((5, 8), bool)
    wanted[expected] = True
    np.testing.assert_array_equal(polygon(points, '')((5, 8)), wanted)


def test_polygons_of_tools_agree(tmp_path, classes):
    """One rectangle as a polygon of each tool covers the same pixels."""
    height, width = exports.SHAPE
    corners = [[4, 5], [20, 5], [20, 15], [4, 15]]
    picture = np.zeros((height, width, 3), np.uint8)

    def cvat(root):
        points = ';'.join(f'{x},{y}' for x, y in corners)
        (root / 'annotations.xml').write_text(
            f'<annotations><image name="a_1.png" width="{width}" height="{height}">'
            f'<polygon label="water" points="{points}"/></image></annotations>')

    def studio(root):
        points = [[100 * x / width, 100 * y / height] for x, y in corners]
        exports.dump(root / 'p.json', [{'data': {'image': 'a_1.png'}, 'annotations': [{'result': [{
            'type': 'polygonlabels', 'original_width': width, 'original_height': height,
            'value': {'points': points, 'polygonlabels': ['water']}}]}]}])

    def labelme(root):
        exports.dump(root / 'a_1.json', {
            'imagePath': 'a_1.png', 'imageHeight': height, 'imageWidth': width,
            'shapes': [{'label': 'water', 'shape_type': 'polygon', 'points': corners}]})

    wanted = np.full((height, width), 255, np.uint8)
    wanted[5:15, 4:20] = 2
    for write in (cvat, studio, labelme):
        root = tmp_path / write.__name__
        root.mkdir()
        cv2.imwrite(str(root / 'a_1.png'), picture)
        write(root)
        assert imported(root, '--out', root / 'new', '--classes', classes) == 0
        np.testing.assert_array_equal(labels_of(root / 'new')['a_1'], wanted, write.__name__)


def another_size(root):
    exports.cvat(root)
    cv2.imwrite(str(root / 'images' / 'flight_0011.jpg'), np.zeros((48, 80, 3), np.uint8))


def unknown_colour(root):
    exports.segmentation_mask(root)
    mask = root / 'SegmentationClass' / 'flight_0012.png'
    pixels = cv2.imread(str(mask))
    pixels[0, 0] = 9, 8, 7
    cv2.imwrite(str(mask), pixels)


def empty(root):
    (root / 'annotations.xml').write_text('<annotations></annotations>')


def no_form(root):
    exports.write_pictures(root)


def two_of_one_name(root):
    exports.cvat(root)
    text = (root / 'annotations.xml').read_text()
    (root / 'annotations.xml').write_text(text.replace('<name>road<', '<name>water<'))


def no_picture(root):
    exports.cvat(root)
    (root / 'images' / 'flight_0050.jpg').unlink()


def a_box(root):
    exports.cvat(root)
    text = (root / 'annotations.xml').read_text()
    (root / 'annotations.xml').write_text(text.replace(
        '</image>', '<box label="road" xtl="1" ytl="1" xbr="3" ybr="3"/></image>', 1))


def changed_coco(change):
    def spoil(root):
        exports.coco_masks(root, compressed=False)
        file = next(root.rglob('*.json'))
        content = json.loads(file.read_text())
        change(content['images'], content['annotations'])
        exports.dump(file, content)
    return spoil


def far_corner(images, annotations):
    annotations[0].update(segmentation=[[5, 5, 1e9, 5, 1e9, 1e9]], iscrowd=0)


def one_id_twice(images, annotations):
    images[1]['id'] = images[0]['id']


def damaged_runs(root):
    exports.cvat(root)
    text = (root / 'annotations.xml').read_text()
    (root / 'annotations.xml').write_text(text.replace('rle="', 'rle="5, ', 1))


def no_height(root):
    exports.cvat(root)
    text = (root / 'annotations.xml').read_text()
    (root / 'annotations.xml').write_text(re.sub(
        r'(<image .*?) height="\d+"', r'\1', text, count=1))


def two_annotations(root):
    exports.label_studio(root)
    tasks = json.loads((root / 'project-1.json').read_text())
    tasks[0]['annotations'][0]['was_cancelled'] = False
    exports.dump(root / 'project-1.json', tasks)


def cut_brush(root):
    exports.label_studio(root)
    tasks = json.loads((root / 'project-1.json').read_text())
    result = tasks[0]['annotations'][1]['result'][0]
    result['value']['rle'] = result['value']['rle'][:40]
    exports.dump(root / 'project-1.json', tasks)


def cut_picture(root):
    exports.cvat(root)
    path = root / 'images' / 'flight_0010.jpg'
    path.write_bytes(path.read_bytes()[:700])


@pytest.mark.parametrize('spoil, told', [
    (another_size, 'labelled at 40x24 pixels, its picture has 80x48'),
    (unknown_colour, 'colours that no class has: (7, 8, 9)'),
    (empty, 'an empty export (cvat)'),
    (no_form, 'no export of a known form'),
    (two_of_one_name, "two classes named 'water'"),
    (no_picture, 'flight_0050.jpg: no such picture: give --images'),
    (a_box, "a box of 'road' is no outline"),
    (changed_coco(far_corner), 'a polygon with corners far outside its picture of 40x24'),
    (changed_coco(one_id_twice), 'two images have the id'),
    (damaged_runs, 'run lengths of'),
    (no_height, 'image without height'),
    (two_annotations, '2 annotations: keep one'),
    (cut_brush, 'a brush whose rle is cut off'),
    (cut_picture, 'flight_0010.jpg'),
], ids=lambda value: getattr(value, '__name__', None))
def test_bad_export_is_one_line_and_writes_nothing(tmp_path, classes, capfd, spoil, told):
    root, out = tmp_path / 'export', tmp_path / 'out' / 'dataset'
    root.mkdir()
    spoil(root)
    assert imported(root, '--out', out, '--classes', classes) == 2
    printed = capfd.readouterr()
    assert told in printed.out + printed.err
    assert 'Traceback' not in printed.err
    assert not list((tmp_path / 'out').iterdir())


@pytest.mark.parametrize('arguments, told', [
    ([], 'classes without a place: road, person: give --mapping'),
    (['--mapping', 'road=runway'], '--mapping road=runway: no such class; there are'),
    (['--mapping', 'river=water'], 'the export has no such class; it has water, road, person'),
    (['--mapping', 'water=ignore', '--mapping', 'water=water'], 'is sent to'),
    (['--rest', 'sky'], '--rest sky: no such class'),
])
def test_classes_that_do_not_fit(tmp_path, capfd, arguments, told):
    exports.cvat(tmp_path)
    classes = class_file(tmp_path / 'few.yaml', 'field', 'water')
    assert imported(tmp_path, '--out', tmp_path / 'new', '--classes', classes, *arguments) == 2
    assert told in capfd.readouterr().err
    assert not (tmp_path / 'new').exists()


def test_background_of_a_mask_export_is_asked_for(tmp_path, capfd):
    """It may mean a class or nothing; either is taken when it is said."""
    exports.segmentation_mask(tmp_path)
    classes = class_file(tmp_path / 'classes.yaml', 'background', 'water', 'road', 'person')
    options = ('--classes', classes, '--out', tmp_path / 'new')
    assert imported(tmp_path, *options) == 2
    assert 'may mean a class or "nobody labelled this"' in capfd.readouterr().err
    assert imported(tmp_path, *options, '--mapping', 'background=background') == 0
    label = labels_of(tmp_path / 'new')[exports.STEMS[0]]
    np.testing.assert_array_equal(label == 0, exports.maps()[exports.STEMS[0]] == 255)


def test_two_classes_of_one_colour(tmp_path, capfd):
    exports.rgb_masks(tmp_path)
    table = class_file(tmp_path / 'c.yaml', 'water', 'road', colours=[(1, 2, 3), (1, 2, 3)])
    assert imported(tmp_path, '--out', tmp_path / 'new', '--colours', table) == 2
    assert "'water' and 'road' have one colour, (1, 2, 3)" in capfd.readouterr().err


@pytest.mark.parametrize('name', ['../../evil.txt', '/etc/evil', 'a/../../evil', '..\\evil',
                                  'C:\\evil'])
def test_zip_that_climbs_out_is_refused(tmp_path, capfd, name):
    with zipfile.ZipFile(tmp_path / 'x.zip', 'w') as archive:
        archive.writestr('annotations.xml', '<annotations/>')
        archive.writestr(name, 'evil')
    assert imported(tmp_path / 'x.zip', '--out', tmp_path / 'deep' / 'er' / 'new') == 2
    assert 'outside its folder' in capfd.readouterr().err
    assert not [path for path in tmp_path.rglob('*') if 'evil' in path.name]


def test_leave_out_keeps_the_sound_pictures(tmp_path, classes, capfd):
    another_size(tmp_path)
    assert imported(tmp_path, '--out', tmp_path / 'new', '--classes', classes,
                    '--leave-out') == 0
    assert 'left out: flight_0011.jpg' in capfd.readouterr().out
    assert labels_of(tmp_path / 'new').keys() == set(exports.STEMS) - {'flight_0011'}


def test_dataset_that_is_there_stays(tmp_path, classes, capfd):
    exports.cvat(tmp_path)
    (tmp_path / 'new').mkdir()
    (tmp_path / 'new' / 'mine').write_text('precious')
    assert imported(tmp_path, '--out', tmp_path / 'new', '--classes', classes) == 2
    assert (tmp_path / 'new' / 'mine').read_text() == 'precious'


@pytest.mark.parametrize('stem, moment', [
    ('flight_0012', ('flight', 12)),
    ('b_1700000000123456789', ('b', 1700000000123456789)),
    ('DJI_0012_jpg.rf.0123abcdef', ('DJI', 12)),
    ('field', ('field', 0)),
])
def test_moment_of_a_name(stem, moment):
    assert moment_of(stem) == moment


def test_split_holds_out_whole_flights():
    stems = [f'{flight}_{frame}' for flight in 'abcde' for frame in range(10)]
    sides = held_out(stems)
    by_flight = {flight: {side for stem, side in zip(stems, sides) if stem[0] == flight}
                 for flight in 'abcde'}
    assert all(len(found) == 1 for found in by_flight.values())
    assert sum(sides) == 10


def test_split_of_one_flight_is_one_cut_at_the_largest_pause():
    times = [*range(0, 90, 10), *range(500, 530, 10)]  # 9 frames, a pause, 3 frames
    stems = [f'f_{time}' for time in times]
    assert [stem for stem, side in zip(stems, held_out(stems)) if side] == stems[9:]
