"""What a dataset's description accepts, refuses and means."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image

from effvit_compression.cli import main
from effvit_compression.data.check import check_split
from effvit_compression.data.description import load_description, matches
from effvit_compression.data.pictures import palette_to_index, Pictures, read_label
from effvit_ros.core.classes import lpcv_classes
from effvit_ros.core.errors import UserError
from effvit_ros.core.yaml_files import read_yaml

CONFIG = Path(__file__).parents[3] / 'config' / 'datasets'


def changed(path, **changes):
    """Rewrite a description with some keys changed; None removes one."""
    fields = {**yaml.safe_load(path.read_text()), **changes}
    path.write_text(yaml.safe_dump({k: v for k, v in fields.items() if v is not None}))
    return path


@pytest.mark.parametrize('path', sorted(CONFIG.glob('*.yaml')), ids=lambda p: p.stem)
def test_every_shipped_description_loads(path):
    description = load_description(path)
    table = description.lookup()
    assert {0, 7, 12} & set(table), 'it knows background, water or road'
    assert set(table) <= {*range(14), 255, -1}


@pytest.mark.parametrize('path', sorted(CONFIG.glob('*.yaml')), ids=lambda p: p.stem)
def test_every_shipped_layout_reads_a_folder_of_that_shape(path, tmp_path):
    description = load_description(path, root=tmp_path)
    index = max(description.class_ids)
    label = np.full((4, 6), index, np.uint8)
    if description.encoding == 'palette':
        label = np.full((4, 6, 3), description.classes[index].rgb[::-1], np.uint8)
    for split in description.splits.values():
        for pattern, array in ((split.images, np.zeros((4, 6, 3), np.uint8)),
                               (split.labels, label)):
            for stem in ('1_a', 'b2'):
                name = tmp_path / pattern.replace('*', stem)
                name.parent.mkdir(parents=True, exist_ok=True)
                assert cv2.imwrite(str(name), array)
    for split in description.splits:
        pictures = Pictures(description, split)
        assert len(pictures) == 2 and not check_split(description, split).problems
        assert (pictures[0][1] == description.lookup()[index]).all()


CITY = 'aachen/aachen_000000_000019_'


@pytest.mark.parametrize('name, image, label, stored, meant, beside', [
    ('lpcv2023', 'LPCVC_Train_Updated/IMG/train/train_0000.png',
     'LPCVC_Train_Updated/GT_Updated/train/train_0000.png', 7, 'flood/water/river/sea', ()),
    ('lpcv2023', 'LPCVC_Val/IMG/val/val_0000.png', 'LPCVC_Val/GT/val/val_0000.png', 13, 'vehicle',
     ()),
    ('cityscapes', f'leftImg8bit/train/{CITY}leftImg8bit.png',
     f'gtFine/train/{CITY}gtFine_labelIds.png', 26, 'vehicle',
     (f'gtFine/train/{CITY}gtFine_color.png', f'gtFine/train/{CITY}gtFine_instanceIds.png')),
    ('ade20k', 'images/training/ADE_train_00000001.jpg',
     'annotations/training/ADE_train_00000001.png', 13, 'person', ()),
    ('ade20k', 'images/validation/ADE_val_00000001.jpg',
     'annotations/validation/ADE_val_00000001.png', 3, 'background', ()),
    ('floodnet', 'train/train-org-img/6279.jpg', 'train/train-label-img/6279_lab.png', 3,
     'flood/water/river/sea', ()),
    ('rescuenet', 'val/val-org-img/10778.jpg', 'val/val-label-img/10778_lab.png', 5,
     'building_damaged', ()),
    ('uavid', 'uavid_train/seq1/Images/000000.png', 'uavid_train/seq1/Labels/000000.png',
     (64, 0, 128), 'vehicle', ('uavid_train/seq2/Images/readme.txt',)),
], ids=['lpcv2023-train', 'lpcv2023-val', 'cityscapes', 'ade20k-train', 'ade20k-val', 'floodnet',
        'rescuenet', 'uavid'])
def test_a_public_dataset_is_read_as_it_is_published(tmp_path, name, image, label, stored, meant,
                                                     beside):
    labels = np.full((4, 6), stored, np.uint8) if isinstance(stored, int) else \
        np.full((4, 6, 3), stored[::-1], np.uint8)
    for path, array in ((image, np.zeros((4, 6, 3), np.uint8)), (label, labels)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(tmp_path / path), array)
    for path in beside:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    description = load_description(CONFIG / f'{name}.yaml', root=tmp_path)
    split = 'val' if 'val' in image.lower() else 'train'
    assert check_split(description, split).problems == []
    pictures = Pictures(description, split)
    assert len(pictures) == 1
    _, found = pictures[0]
    assert (found == lpcv_classes().index(meant)).all()


def test_other_ids_go_where_the_description_says(dataset):
    changed(dataset, classes={3: 'lake'}, mapping={'lake': 'flood/water/river/sea'},
            others='background')
    assert load_description(dataset).lookup()[[3, 4, 255]].tolist() == [7, 0, 255]


@pytest.mark.parametrize('changes, complaint', [
    pytest.param({'clases': []}, 'clases: unknown key', id='unknown key'),
    pytest.param({'splits': None}, 'splits: Field required', id='missing key'),
    pytest.param({'classes': {0: 'background', 1: 'sea'}}, 'a mapping is needed',
                 id='foreign classes without mapping'),
    pytest.param({'classes': ['sea'], 'mapping': {'lake': 'background'}},
                 'mapping and classes differ in lake, sea', id='mapping of another class'),
    pytest.param({'classes': ['sea'], 'mapping': {'sea': 'water'}},
                 "'water': not a class of lpcv2023", id='mapping to an unknown class'),
    pytest.param({'encoding': 'palette'}, 'goes with classes that have an rgb',
                 id='palette without colours'),
    pytest.param({'classes': []}, 'classes: Value should have at least 1', id='no class'),
    pytest.param({'classes': {300: 'background'}}, 'should be less than or equal to 255',
                 id='id that no label holds'),
    pytest.param({'classes': {20: 'pilot'}}, "'pilot' is not a class of lpcv2023, so a mapping is",
                 id='name beyond LPCV'),
    pytest.param({'ignore': 300}, 'ignore: Input should be less', id='ignored id'),
    pytest.param({'trusted': ['water']}, "trusted names 'water'", id='trusted class'),
    pytest.param({'splits': {}}, 'splits: Dictionary should have at least 1', id='no split'),
    pytest.param({'splits': {'val': {'images': '/a/*.jpg', 'labels': 'b/*.png'}}},
                 "'/a/*.jpg': give one below the root", id='absolute pattern'),
    pytest.param({'splits': {'val': {'images': 'a/?.jpg', 'labels': 'b/?.png'}}},
                 '* is the only wildcard', id='another wildcard'),
    pytest.param({'splits': {'val': {'images': '*/*.jpg', 'labels': 'b/*.png'}}},
                 'both need as many', id='patterns that can not pair'),
    pytest.param({'classes': [f'c{i}' for i in range(300)],
                  'mapping': {f'c{i}': 'background' for i in range(300)}},
                 '300 classes: labels hold 256 ids', id='more classes than ids'),
    pytest.param({'ignore': 7}, "ignore: 7 is also the id of class 'flood/water/river/sea'",
                 id='ignored class'),
    pytest.param({'splits': {'val': {'images': 'a/*.png', 'labels': 'a/*.png'}}},
                 'pictures and labels are the same files', id='pictures as their own labels'),
    pytest.param({'encoding': 'palette', 'mapping': {'a': 'background', 'b': 'background'},
                  'classes': [{'name': name, 'rgb': [1, 2, 3]} for name in 'ab']},
                 "'a' and 'b' have the same rgb", id='one colour for two'),
    pytest.param({'encoding': 'palette', 'mapping': {'a': 'background'},
                  'classes': [{'name': 'a', 'rgb': [1, 2, 300]}]},
                 'rgb.2: Input should be less', id='no colour'),
])
def test_a_wrong_description_is_refused_in_one_line(dataset, changes, complaint):
    with pytest.raises(UserError) as error:
        load_description(changed(dataset, **changes))
    assert complaint in str(error.value)
    assert '\n' not in str(error.value)


def test_a_missing_file_and_broken_yaml_are_named(tmp_path):
    with pytest.raises(UserError, match='none.yaml: No such file'):
        load_description(tmp_path / 'none.yaml')
    for text, complaint in (('a: [', 'not YAML'), ('- a', 'it holds no keys'), ('', 'no keys'),
                            ('a: {b: 1, b: 2}', "key 'b' is there twice")):
        (tmp_path / 'broken.yaml').write_text(text)
        with pytest.raises(UserError, match=f'broken.yaml: .*{complaint}') as error:
            load_description(tmp_path / 'broken.yaml')
        assert '\n' not in str(error.value)


def test_a_merged_key_may_be_given_anew(tmp_path):
    path = tmp_path / 'a.yaml'
    path.write_text('in: {a: &a {x: 1, y: 1}, b: &b {<<: *a, x: 2}}\nc: {<<: *b, x: 3}\n')
    assert read_yaml(path, 'a')['c'] == {'x': 3, 'y': 1}


@pytest.mark.parametrize('pattern', ['*/*_img.png', './*/*_img.png', '*//*_img.png'])
def test_pairs_are_what_the_wildcards_matched(tmp_path, pattern):
    root = tmp_path / 'Küste [1]'
    for name in ('town/a_img.png', 'town/b_img.png', 'sea/a_img.png'):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    found = matches(root, pattern)
    assert set(found) == {'town/a', 'town/b', 'sea/a'}
    assert found['sea/a'] == root / 'sea' / 'a_img.png'


def test_masks_beside_their_pictures_and_what_systems_leave_are_no_pictures(dataset):
    root = dataset.parent / 'data'
    for name in ('both/x.png', 'both/x_mask.png', 'both/._x.png', '__MACOSX/x.png'):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    description = load_description(changed(dataset, splits={
        'val': {'images': '*/*.png', 'labels': '*/*_mask.png'}}))
    images, labels = description.files('val')
    assert images == {'both/x': root / 'both/x.png'}
    assert labels == {'both/x': root / 'both/x_mask.png'}


@pytest.mark.parametrize('masks, problems', [
    pytest.param('1-bit', [], id='1-bit masks are ids 0 and 1'),
    pytest.param('0 and 255', ['train: the masks hold only 0 and 255', 'val: the masks hold only'],
                 id='black and white'),
    pytest.param('255', ['train: not one labelled pixel', 'val: not one labelled pixel'],
                 id='nothing but the ignored id'),
    pytest.param('JPEG', ['a JPEG'] * 4, id='JPEG called PNG'),
])
def test_the_command_tells_what_training_would_not_see(dataset, capsys, masks, problems):
    changed(dataset, classes=['land', 'water'],
            mapping={'land': 'background', 'water': 'flood/water/river/sea'})
    for file in sorted((dataset.parent / 'data/labels').glob('*/*.png')):
        ids = np.uint8([[0] * 80] * 20 + [[1] * 80] * 40)
        if masks == '1-bit':
            Image.fromarray(ids * 255).convert('1').save(file)
        elif masks == 'JPEG':
            file.write_bytes(cv2.imencode('.jpg', ids)[1].tobytes())
        else:
            cv2.imwrite(str(file), np.where(ids == 0, 0 if '0' in masks.split() else 255, 255))
    assert main(['data', str(dataset)]) == (2 if problems else 0)
    out = capsys.readouterr().out
    told = [line for line in out.splitlines() if any(text in line for text in problems)]
    assert len(told) == len(problems)
    assert ('not one pixel of: water' in out) == (masks == '0 and 255')
    assert ('not one pixel of: land, water' in out) == (masks == '255')
    if masks == '0 and 255':
        assert 'ignored, of all pixels │ 66.667%' in out


def test_the_lookup_maps_ids_and_marks_the_unknown(dataset):
    changed(dataset, classes=['grass', 'lake', 'sky'], ignore=9, mapping={
        'grass': 'background', 'lake': 'flood/water/river/sea', 'sky': 'ignore'})
    table = load_description(dataset).lookup()
    assert table[[0, 1, 2, 9, 3, 255]].tolist() == [0, 7, 255, 255, -1, -1]


def test_colours_become_positions_and_strangers_are_marked(dataset):
    description = load_description(changed(
        dataset, encoding='palette', classes=[{'name': 'a', 'rgb': [1, 2, 3]},
                                              {'name': 'b', 'rgb': [200, 0, 0]}],
        mapping={'a': 'background', 'b': 'vehicle'}))
    bgr = np.array([[[3, 2, 1], [0, 0, 200], [0, 0, 201]]], np.uint8)
    assert palette_to_index(bgr, description).tolist() == [[0, 1, 254]]


def test_pictures_give_rgb_and_lpcv_ids(dataset):
    pictures = Pictures(load_description(dataset), 'train')
    image, label = pictures[0]
    assert len(pictures) == 3 and image.shape == (60, 80, 3) and label.shape == (60, 80)
    assert image[30, 10, 2] > image[30, 10, 0], 'water is blue'
    assert set(np.unique(label)) == {0, 7, 10, 255}
    assert pictures.pixels[0, 10] == 36


def test_the_check_lists_every_problem(dataset):
    root = dataset.parent / 'data'
    (root / 'labels/train/a.png').unlink()
    (root / 'images/train/b.jpg').write_bytes(b'no jpeg')
    cv2.imwrite(str(root / 'labels/train/c.png'), np.full((60, 80), 3, np.uint8))
    cv2.imwrite(str(root / 'labels/train/z.png'), np.zeros((60, 80), np.uint8))
    problems = check_split(load_description(dataset), 'train').problems
    assert len(problems) == 4
    for text, name in zip(('no picture', 'no label', 'not a readable', 'unknown id 3'), 'zabc'):
        assert any(text in p and f'{name}.' in p for p in problems), (text, problems)


def test_the_check_finds_a_picture_that_ends_too_early(dataset):
    path = dataset.parent / 'data/images/train/a.jpg'
    path.write_bytes(path.read_bytes()[:-200])
    problem, = check_split(load_description(dataset), 'train').problems
    assert 'a.jpg: damaged: ' in problem


def test_indices_count_where_a_label_map_has_a_palette(dataset):
    path = dataset.parent / 'data/labels/val/d.png'
    plain = read_label(path, load_description(dataset))
    with Image.open(path) as picture:
        coloured = Image.frombytes('P', picture.size, picture.tobytes())
    coloured.putpalette([value * 7 % 256 for value in range(768)])
    coloured.save(path)
    assert (read_label(path, load_description(dataset)) == plain).all()


@pytest.mark.parametrize('encoding, label, complaint', [
    ('index', np.arange(12, 40, dtype=np.uint8), 'unknown id 12, 13, .*, 19 and 20 more '),
    ('index', np.zeros((2, 2, 3), np.uint8), '3 channels of uint8'),
    ('palette', np.full((2, 2, 3), (3, 2, 9), np.uint8), r'unknown colour \(9, 2, 3\) '),
    ('palette', np.full((2, 2), 8, np.uint8), r'unknown colour \(8, 8, 8\) '),
])
def test_what_no_class_stands_for_is_named(dataset, encoding, label, complaint):
    classes = [{'name': 'a', 'rgb': [1, 2, 3]}] if encoding == 'palette' else ['a']
    description = load_description(changed(dataset, encoding=encoding, classes=classes,
                                           mapping={'a': 'background'}))
    path = dataset.parent / 'label.png'
    cv2.imwrite(str(path), label)
    with pytest.raises(UserError, match=complaint):
        read_label(path, description)


def test_a_split_that_is_not_there_lists_those_that_are(dataset):
    with pytest.raises(UserError, match="no split 'test'; it has train, val"):
        load_description(dataset).pairs('test')
