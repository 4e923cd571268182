"""Recipes: the shipped ones load, wrong ones are refused in one line."""
from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from effvit_compression.cli import main
from effvit_compression.data.description import load_description
from effvit_compression.recipe import load_recipe
from effvit_compression.training.settings import TrainingSettings
from effvit_ros.core.errors import UserError

RECIPES = Path(__file__).parents[2] / 'config' / 'recipes'
DOCS = Path(__file__).parents[2] / 'docs'
SMOKE = yaml.safe_load((RECIPES / 'smoke.yaml').read_text())


@pytest.mark.parametrize('path', sorted(RECIPES.glob('*.yaml')), ids=lambda p: p.stem)
def test_every_shipped_recipe_loads_and_finds_its_descriptions(path):
    assert all(source.dataset.exists() for source in load_recipe(path).data)


def test_the_recipe_and_the_description_of_the_docs_load(tmp_path):
    blocks = re.findall(r'```yaml\n(.*?)```', (DOCS / 'datasets.md').read_text(), re.DOTALL)
    for name, text in zip(('coast.yaml', 'recipe.yaml'), blocks[1:]):
        (tmp_path / name).write_text(text)
    recipe = load_recipe(tmp_path / 'recipe.yaml')
    assert load_description(recipe.data[0].dataset).root == tmp_path / 'coast'
    for name, text in zip(('farm_classes.yaml', 'farm.yaml', 'recipe.yaml'), blocks[3:]):
        (tmp_path / name).write_text(text)
    farm = load_recipe(tmp_path / 'recipe.yaml')
    assert farm.class_set.names == ('soil', 'crop', 'weed', 'water', 'animal')
    assert load_description(farm.data[0].dataset, classes=farm.class_set).lookup()[4] == 4


@pytest.mark.parametrize('iterations, warmup', [(100, 25), (800, 200), (20_000, 200)])
def test_the_default_warm_up_is_at_most_a_quarter_of_the_training(iterations, warmup):
    assert TrainingSettings(iterations=iterations).warmup == warmup


@pytest.mark.parametrize('changes, complaint', [
    pytest.param({'studnet': {}}, 'studnet: unknown key: mend its spelling or remove it',
                 id='unknown key'),
    pytest.param({'distill': {'training': {'iterrations': 5}}},
                 'distill.training.iterrations: unknown key', id='unknown key deep inside'),
    pytest.param({'teacher': None}, 'distill needs a teacher', id='no teacher'),
    pytest.param({'baseline': None, 'distill': None}, 'give one of them', id='no student'),
    pytest.param({'size': 300}, 'size: Input should be a multiple of 32, not 300', id='size'),
    pytest.param({'rare': {'persn': 0.1}}, "rare names 'persn'", id='unknown class'),
    pytest.param({'loss': {'class_weights': {'persn': 2}}}, "class_weights names 'persn'",
                 id='weight of an unknown class'),
    pytest.param({'rare': {'person': 0.7, 'vehicle': 0.7}}, 'more than 1', id='chances'),
    pytest.param({'prune': {'heads': 2, 'importance': 'l3'}},
                 "prune.importance: no criterion 'l3': give one of l1, l2, lamp",
                 id='unknown importance'),
    pytest.param({'student': {'encoder': 'mobilevit_xxs', 'decoder': 'fpn',
                              'decoder_channels': 48}}, '48: fpn normalises', id='fpn width'),
    pytest.param({'distill': {'training': {}, 'distillation': {'feature_levels': [6]}}},
                 'distill.distillation.feature_levels.0: Input should be less', id='level'),
    pytest.param({'seed': -1}, 'seed: Input should be greater', id='seed'),
    pytest.param({'rare': {'person': -0.1}}, 'rare.person: Input should be greater', id='chance'),
    pytest.param({'augmentation': {'scale': [2, 1]}}, 'augmentation.scale: give the smaller',
                 id='scale'),
    pytest.param({'augmentation': {'recolour': {'mud': ['soil', 0.5]}}},
                 "augmentation.recolour names 'mud', which lpcv2023", id='class of a colour'),
    pytest.param({'augmentation': {'recolour': {'person': ['pink', 0.5]}}},
                 "augmentation.recolour.person.0: Input should be 'soil', 'ground'", id='palette'),
    pytest.param({'average': {}}, 'average: it needs first weights: pretrained with source stored',
                 id='nothing to go back to'),
    pytest.param({'augmentation': {'aspect': 0.5}}, 'augmentation.aspect: Input should be greater',
                 id='aspect'),
    pytest.param({'baseline': {'training': {'sizes': []}}}, 'training.sizes: List should have',
                 id='no crop size'),
    pytest.param({'baseline': {'training': {'sizes': [[100, 1]]}}}, 'a multiple of 32',
                 id='crop size'),
    pytest.param({'baseline': {'training': {'sizes': [[64, 0]]}}}, 'sizes: every chance is 0',
                 id='chance of a crop size'),
    pytest.param({'baseline': {'training': {'log_every': 0}}}, 'log_every: Input should be gr',
                 id='log_every'),
    pytest.param({'baseline': {'training': {'rate': float('inf')}}}, 'a finite number',
                 id='infinite rate'),
    pytest.param({'loss': {'cross_entropy': 0}}, 'loss: cross_entropy, dice and focal are all 0',
                 id='no loss'),
    pytest.param({'loss': {'dice': -1}}, 'loss.dice: Input should be greater', id='share of loss'),
    pytest.param({'student': {'encoder': 'mobilevit_xxs', 'classes': 5}},
                 'student.classes: classes is 5: give the name of a set', id='class count'),
    pytest.param({'baseline': {'training': {'iterations': 100, 'warmup': 200}}},
                 'baseline.training: warmup is 200 of 100 iterations', id='warm-up'),
    pytest.param({'export': {'name': 'x', 'float_io': True}, 'size': 320},
                 'export.float_io: a map of 10x10 (size 320) does not pool to 4x4 in opset 13: '
                 'give a size that is a multiple of 256', id='float graph'),
    pytest.param({'data': [{'dataset': 'd.yaml', 'flight': {'train_seeds': [0, 5],
                                                            'val_seeds': [5, 6]}}]},
                 'train_seeds 0-5 and val_seeds 5-6 overlap', id='flight in both splits'),
    pytest.param({'student': {'encoder': 'resnot'}}, "timm has no encoder 'resnot'",
                 id='unknown encoder'),
    pytest.param({'student': {'encoder': 'vit_tiny_patch16_224'}},
                 "encoder 'vit_tiny_patch16_224' does not serve a decoder", id='encoder'),
    pytest.param({'prune': {'heads': 9}}, 'prune: heads is 9, but', id='heads'),
    pytest.param({'student': {'encoder': 'resnet18'}}, 'prune: resnet18 has no transformer block',
                 id='nothing to prune'),
    pytest.param({'export': {'name': '..'}}, 'export.name: String should match', id='no name'),
    pytest.param({'export': {'name': 'a/b'}}, 'export.name: String should match', id='name'),
])
def test_a_wrong_recipe_is_one_line(tmp_path, capsys, changes, complaint):
    path = tmp_path / 'wrong.yaml'
    path.write_text(yaml.safe_dump({**SMOKE, **changes}))
    assert main(['run', str(path), '--out', str(tmp_path / 'out')]) == 2
    error = capsys.readouterr().err
    assert complaint in error and str(path) in error and error.count('\n') == 1
    assert not (tmp_path / 'out').exists()


def test_a_recipe_that_is_no_text_is_one_line(tmp_path):
    (tmp_path / 'r.yaml').write_bytes(b'\xff\xfe')
    with pytest.raises(UserError, match='r.yaml: not YAML: ') as error:
        load_recipe(tmp_path / 'r.yaml')
    assert '\n' not in str(error.value)


def test_a_text_with_a_nul_character_is_one_line(tmp_path):
    path = tmp_path / 'r.yaml'
    path.write_text('data: [{dataset: "d\\0.yaml"}]')
    with pytest.raises(UserError, match='not YAML: a text with a NUL character in .*line 1'):
        load_recipe(path)


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(UserError, match='none.yaml: No such file'):
        load_recipe(tmp_path / 'none.yaml')
