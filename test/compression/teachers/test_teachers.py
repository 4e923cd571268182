"""Teachers of any kind: what they say of a whole picture, asked once, scored before they teach."""
from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, TensorProto

from effvit_compression.data.answers import GRID
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build
from effvit_compression.models.store import save_model
from effvit_compression.pipeline import carry_out, Run
from effvit_compression.recipe import load_recipe
from effvit_compression.stages import data, teachers
from effvit_compression.stages.teachers import answers_of
from effvit_compression.teachers.networks import corners, open_teacher, opinion
from effvit_compression.teachers.settings import KnownTeacher, TransformerTeacher
from effvit_compression.teachers.transformer import Backbone, Head
from effvit_ros.core.classes import class_set, lpcv_classes
from effvit_ros.core.errors import UserError

SMALL = Architecture(encoder='tf_efficientnet_lite0', decoder_channels=8)
RECIPE = """
name: asked
size: 64
data: [{{dataset: {dataset}}}]
student: {{encoder: tf_efficientnet_lite0, decoder_channels: 8}}
teachers:
  - {{name: small, model: {model}, side: 64, flip: false, datasets: {{tiny: 1.0}}}}
distill: {{training: {{iterations: 1}}}}
export: {{name: asked}}
"""


def settings(**changes):
    """Return a teacher's settings."""
    return KnownTeacher(**{'name': 'one', 'onnx': 'no.onnx', 'side': 64, 'datasets': {'tiny': 1.0},
                           **changes})


def brightness(image):
    """Tell the share of light in each half of the side: a network of two classes."""
    light = image.mean(axis=-1, keepdims=True).astype(np.float32) / 255
    return np.concatenate([1 - light, light], axis=-1)


@pytest.mark.parametrize('count, expected', [
    pytest.param(1, 1, id='the whole picture'),
    pytest.param(2, 9, id='windows of half, overlapping by half'),
    pytest.param(3, 25, id='of a third'),
])
def test_windows(count, expected):
    found = corners(count)
    assert len(found) == expected and max(found) == (count - 1, count - 1)


@pytest.mark.parametrize('windows', [[1], [2], [1, 2]])
@pytest.mark.parametrize('flip', [True, False])
def test_an_opinion_lies_where_the_picture_shows_it(windows, flip):
    image = np.zeros((90, 160, 3), np.uint8)
    image[:45, 80:] = 255  # the upper right quarter
    said = opinion(brightness, settings(windows=windows, flip=flip), image)
    assert said.shape == (GRID, GRID, 2)
    half = GRID // 2
    assert said[:half - 4, half + 4:, 1].min() > 0.99
    assert said[half + 4:, :, 1].max() < 0.01 and said[:, :half - 4, 1].max() < 0.01


def test_a_graph_of_somebody_elses_gets_pictures_as_it_expects_them(tmp_path):
    """Two classes, of which the second scores by the red channel."""
    shape = [1, 3, 64, 64]
    weight = np.zeros((2, 3, 1, 1), np.float32)
    weight[1, 0] = 10
    graph = helper.make_graph(
        [helper.make_node('Conv', ['x', 'w'], ['y'])], 'g',
        [helper.make_tensor_value_info('x', TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, [1, 2, 64, 64])],
        [onnx.numpy_helper.from_array(weight, 'w')])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
    onnx.save(model, tmp_path / 'red.onnx')
    look = open_teacher(settings(onnx=tmp_path / 'red.onnx', mean=(100.0,) * 3, std=(50.0,) * 3),
                        lpcv_classes())
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:, 0] = 200
    said = look(image)
    assert said.shape == (64, 64, 2)
    # (0 - 100) / 50 * 10 = -20 and (200 - 100) / 50 * 10 = 20, against 0
    assert said[0, 0, 1] < 1e-6 and said[0, 63, 1] > 1 - 1e-6


def test_a_graph_that_is_none_is_one_line(tmp_path):
    (tmp_path / 'no.onnx').write_bytes(b'nothing')
    with pytest.raises(UserError, match='teacher one: .*no.onnx'):
        open_teacher(settings(onnx=tmp_path / 'no.onnx'), lpcv_classes())


def test_a_teacher_of_other_classes_is_refused(tmp_path):
    farm = class_set({'name': 'farm', 'classes': [
        {'id': i, 'name': f'field {i}', 'color': [i, 0, 0]} for i in range(14)]}, 'farm')
    save_model(build(SMALL), tmp_path / 'model')
    with pytest.raises(UserError, match="teacher one: .*model: id 0 is 'background' in lpcv2023, "
                                        "but 'field 0' in farm"):
        open_teacher(settings(onnx=None, model=tmp_path / 'model'), farm)


def test_weights_by_dataset_and_class():
    teacher = settings(datasets={'tiny': 0.5}, classes={'person': 2.0}, others=0.0)
    weights = teacher.weights('tiny', lpcv_classes())
    assert weights[10] == 1.0 and weights.sum() == 1.0


@pytest.fixture
def run(dataset, tmp_path):
    """Return a run with one teacher, whose weights are random."""
    torch.manual_seed(0)
    save_model(build(SMALL), tmp_path / 'model')
    path = tmp_path / 'asked.yaml'
    path.write_text(RECIPE.format(dataset=dataset, model=tmp_path / 'model'))
    return Run(load_recipe(path), tmp_path / 'out', say=lambda line: None)


def test_teachers_are_scored_and_their_answers_kept(run):
    carry_out(run, (data, teachers))
    scores = run.results['teachers']['scores']['small']['tiny']
    assert scores['n_images'] == 1 and 0 <= scores['miou'] <= 1
    answers = answers_of(run, run.recipe.data[0], transformer=False)
    assert answers[2].shape == (GRID, GRID, 14)
    assert answers[2].sum(axis=-1) == pytest.approx(1, abs=1e-2)


def test_a_teacher_of_a_set_that_is_not_there_is_one_line(run):
    run.recipe.teachers[0].datasets = {'ocean': 1.0}
    with pytest.raises(UserError, match="names 'ocean'; trained on are tiny"):
        carry_out(run, (data, teachers))


def test_another_network_than_a_vision_transformer_is_one_line():
    asked = TransformerTeacher(encoder='resnet18', datasets={'tiny': 1.0})
    with pytest.raises(UserError, match='transformer resnet18: no vision transformer: give one'):
        Backbone(asked)


def test_a_head_on_tokens_gives_scores_at_a_quarter():
    head = Head(channels=12, width=8, classes=5).eval()
    picture = torch.zeros(2, 3, 56, 56, dtype=torch.uint8)
    assert head(torch.zeros(2, 12, 4, 4), picture).shape == (2, 5, 14, 14)
