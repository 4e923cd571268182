"""Class sets: read from YAML, one clear line for what is wrong."""
import numpy as np
import pytest
import yaml

from effvit_ros.core.classes import class_set, load_classes, lpcv_classes
from effvit_ros.core.errors import UserError

FARM = {'name': 'farm', 'classes': [
    {'id': 0, 'name': 'soil', 'color': [120, 90, 60]},
    {'id': 1, 'name': 'crop', 'color': [40, 160, 40]},
    {'id': 2, 'name': 'weed', 'color': [200, 220, 40], 'rare': True},
    {'id': 3, 'name': 'water', 'color': [60, 90, 220]},
    {'id': 4, 'name': 'animal', 'color': [240, 60, 60], 'rare': True}]}


def changed(**entry):
    """Return the farm with another class 1."""
    return {**FARM, 'classes': [FARM['classes'][0], {**FARM['classes'][1], **entry},
                                *FARM['classes'][2:]]}


def many(count):
    return {'name': 'many', 'classes': [
        {'id': i, 'name': f'class {i}', 'color': [i % 256, 0, 0]} for i in range(count)]}


def test_a_class_file(tmp_path):
    file = tmp_path / 'farm.yaml'
    file.write_text(yaml.safe_dump(FARM))
    farm = load_classes(file)
    assert (farm.name, len(farm)) == ('farm', 5)
    assert farm.names == ('soil', 'crop', 'weed', 'water', 'animal')
    assert farm.palette.dtype == np.uint8 and farm.palette[2].tolist() == [200, 220, 40]
    assert farm.rare == ('weed', 'animal')
    assert farm.index('water') == 3 and farm.unknown(['crop', 'person']) == ('person',)
    assert not farm.is_lpcv
    assert class_set(farm.as_fields(), 'again') == farm


def test_lpcv_classes():
    lpcv = lpcv_classes()
    assert (lpcv.name, len(lpcv), lpcv.is_lpcv) == ('lpcv2023', 14, True)
    assert (lpcv.names[0], lpcv.names[7], lpcv.names[13]) == (
        'background', 'flood/water/river/sea', 'vehicle')
    assert lpcv.palette[7].tolist() == [170, 240, 209]


@pytest.mark.parametrize('count', [2, 255])
def test_2_to_255_classes(count):
    assert len(class_set(many(count), 'x')) == count


@pytest.mark.parametrize('fields, complaint', [
    pytest.param(many(1), '1 classes: give 2 to 255', id='one'),
    pytest.param(many(256), '256 classes: give 2 to 255', id='256'),
    pytest.param(many(300), '300 classes: give 2 to 255', id='300'),
    pytest.param({'classes': []}, "name is None: give the set a name", id='no name'),
    pytest.param({'name': 'x', 'classes': {}}, 'classes is no list', id='no list'),
    pytest.param({**FARM, 'colours': 1}, "unknown key 'colours'", id='unknown key'),
    pytest.param(changed(id=2), 'classes[1].id is 2: ids must count up from 0', id='gap'),
    pytest.param(changed(id=True), 'classes[1].id is True', id='boolean id'),
    pytest.param(changed(name=False), 'classes[1].name is False, not a text', id='no as a name'),
    pytest.param(changed(name='soil'), "two classes are called 'soil'", id='twice'),
    pytest.param(changed(name='a\nb'), "classes[1].name is 'a\\nb'", id='line break'),
    pytest.param(changed(name='ignore'), 'means something else', id='reserved'),
    pytest.param(changed(color=[1, 2]), 'classes[1].color is [1, 2]', id='two colours'),
    pytest.param(changed(color=[1, 2, 256]), 'give three of 0..255', id='colour 256'),
    pytest.param(changed(rare='yes'), "classes[1].rare is 'yes'", id='no flag'),
    pytest.param(changed(colour=[1, 2, 3]), "unknown key 'colour'", id='misspelt'),
])
def test_what_is_wrong_is_one_line(fields, complaint):
    with pytest.raises(UserError) as caught:
        class_set(fields, 'classes farm.yaml')
    assert complaint in str(caught.value) and '\n' not in str(caught.value)


@pytest.mark.parametrize('other, difference', [
    pytest.param(changed(color=[0, 0, 0]), '', id='other colours'),
    pytest.param(changed(name='grass'), "id 1 is 'crop' in farm, but 'grass' in farm", id='name'),
    pytest.param({**FARM, 'name': 'small', 'classes': FARM['classes'][:3]},
                 'farm has 5 classes, small 3', id='fewer'),
])
def test_differences(other, difference):
    assert class_set(FARM, 'a').differences(class_set(other, 'b')) == difference
