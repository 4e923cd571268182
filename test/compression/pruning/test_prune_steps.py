"""Pruning in steps: trains between the cuts, and an interruption changes nothing."""
from __future__ import annotations

import pytest
import torch

from effvit_compression.models.cost import heads, parameters
from effvit_compression.models.factory import build
from effvit_compression.models.store import load_model, save_model, WEIGHTS
from effvit_compression.pipeline import Run
from effvit_compression.pruning.settings import PruningSettings
from effvit_compression.recipe import recipe_of
from effvit_compression.stages import prune
from effvit_compression.stages.learn import batches
from effvit_ros.core.errors import UserError

TRAINING = {'iterations': 2, 'batch': 2, 'sizes': [[32, 1.0]], 'warmup': 1, 'ema': 0.5,
            'checkpoint_every': 1, 'log_every': 1}
FIELDS = {
    'name': 'small', 'size': 64, 'student': {'encoder': 'mobilevit_xxs', 'decoder_channels': 8},
    'baseline': {'training': TRAINING}, 'export': {'name': 'small'},
    'prune': {'heads': 1, 'neurons': 0.5, 'steps': 3, 'rank': 0.25, 'training': TRAINING}}


@pytest.fixture
def make_run(dataset, tmp_path):
    """Return a maker of runs whose baseline is finished, by the name of their folder."""
    def make(folder, **changes):
        fields = {**FIELDS, **changes, 'data': [{'dataset': str(dataset)}]}
        recipe = recipe_of(fields, tmp_path / 'r.yaml')
        run = Run(recipe, tmp_path / folder, say=lambda line: None)
        run.results['baseline'] = {}
        if not run.place('baseline').exists():
            torch.manual_seed(0)
            save_model(build(recipe.student), run.place('baseline'))
        return run
    return make


@pytest.mark.slow
def test_three_steps_interrupted_end_as_three_steps(make_run, monkeypatch):
    whole = make_run('whole')
    result = prune.run(whole, whole.place('prune'))
    assert [set(step['heads']) for step in result['steps']] == [{3}, {2}]
    assert set(result['heads']) == {1}
    sizes = [step['parameters'] for step in result['steps']] + [result['parameters']]
    assert sizes == sorted(sizes, reverse=True)
    first, second = (load_model(whole.place('prune') / f'step_{n}') for n in (1, 2))
    assert not first.head.weight.equal(second.head.weight), 'the head is not cut, only trained'

    learn, calls = prune.learn, []

    def interrupted(run, place, *arguments):
        calls.append(place.name)
        if calls == ['step_1', 'step_2']:
            raise KeyboardInterrupt
        return learn(run, place, *arguments)

    monkeypatch.setattr(prune, 'learn', interrupted)
    broken = make_run('broken')
    with pytest.raises(KeyboardInterrupt):
        prune.run(broken, broken.place('prune'))
    resumed = prune.run(broken, broken.place('prune'))
    assert calls == ['step_1', 'step_2', 'step_2'], 'the first step is not trained again'
    assert resumed == result
    assert ((broken.place('prune') / WEIGHTS).read_bytes()
            == (whole.place('prune') / WEIGHTS).read_bytes())
    assert set(heads(load_model(broken.place('prune')))) == {1}


@pytest.mark.slow
@pytest.mark.parametrize('importance', ['lamp', 'taylor'])
def test_channels_are_cut_in_equal_steps_and_leave_the_heads(importance, make_run):
    run = make_run('channels', student={
        'encoder': 'tf_efficientnet_lite0', 'decoder_channels': 8,
        'insertions': {5: {'dim': 16, 'depth': 1}}},
        prune={'channels': 0.4, 'steps': 2, 'importance': importance, 'training': TRAINING})
    whole = load_model(run.place('baseline'))
    result = prune.run(run, run.place('prune'))
    sizes = [parameters(whole), result['steps'][0]['parameters'], result['parameters']]
    assert sizes[0] > 1.2 * sizes[1] > 1.44 * sizes[2]
    assert heads(load_model(run.place('prune'))) == heads(whole)


def test_the_cuts_add_up_to_what_was_asked_for():
    settings = PruningSettings(channels=0.4, steps=2, training=TRAINING)
    first, second = (prune.share_of(settings, number) for number in (1, 2))
    assert first == pytest.approx(0.2)
    assert (1 - first) * (1 - second) == pytest.approx(0.6)


@pytest.mark.parametrize('changes, cuts, expected', [
    pytest.param({}, 1, 10, id='after the first cut of three'),
    pytest.param({}, 3, 14, id='fine-tuning after three cuts: trained twice between them'),
    pytest.param({'prune': None}, 0, 10, id='no cut'),
    pytest.param({'prune': {'heads': 1}}, 1, 10, id='cut at once'),
])
def test_no_training_repeats_the_batches_of_an_earlier_one(tmp_path, changes, cuts, expected):
    fields = {**FIELDS, 'data': [{'dataset': 'x'}],
              'baseline': {'training': {**TRAINING, 'iterations': 10}}, **changes}
    assert batches(recipe_of(fields, tmp_path / 'r.yaml'), cuts) == expected


def test_kept_answers_of_a_teacher_are_another_training_between_the_cuts(tmp_path):
    def settings(cache):
        return prune.depends_on(recipe_of({
            **FIELDS, 'data': [{'dataset': 'x'}],
            'teacher': {'model': 'stored', 'cache': cache}}, tmp_path / 'r.yaml'))
    assert settings(True) != settings(False)


@pytest.mark.parametrize('changes, complaint', [
    pytest.param({'steps': 3}, 'steps above 1 and training', id='steps without training'),
    pytest.param({'training': TRAINING}, 'steps above 1 and training', id='nothing between'),
    pytest.param({'scope': 'block'}, 'scope', id='unknown scope'),
    pytest.param({'rank': 0}, 'rank', id='no rank'),
])
def test_wrong_settings_get_one_line(tmp_path, changes, complaint):
    with pytest.raises(UserError, match=complaint) as error:
        recipe_of({**FIELDS, 'data': [{'dataset': 'x'}], 'prune': changes}, tmp_path / 'r.yaml')
    assert '\n' not in str(error.value)
