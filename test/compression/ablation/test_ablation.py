"""Ablations: rows from overrides, shared stages, failing rows, kill -9, figures by hand."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from types import ModuleType

import pytest
import yaml
from cpu_runtimes import INSTALLED

from effvit_compression.ablation.grid import load_grid
from effvit_compression.ablation.report import items_of
from effvit_compression.ablation.summary import RowFigures, WATER
from effvit_compression.ablation.trial import iterations
from effvit_compression.cli import main
from effvit_compression.pipeline import carry_out, Run
from effvit_compression.recipe import load_recipe
from effvit_ros.core.errors import UserError

SHORT = {'iterations': 2, 'batch': 2, 'sizes': [[64, 1.0]], 'warmup': 1, 'ema': 0.5,
         'checkpoint_every': 1, 'log_every': 1}
NETWORK = {'encoder': 'mobilevit_xxs', 'decoder_channels': 8}


@pytest.fixture
def recipe(dataset, tmp_path):
    """Return a maker of recipe files: sections on top of a student that a teacher teaches."""
    def make(**sections):
        path = tmp_path / 'recipe.yaml'
        path.write_text(yaml.safe_dump({
            'name': 'tiny', 'size': 64, 'data': [{'dataset': dataset.name}],
            'rare': {'person': 0.5}, 'student': NETWORK,
            'teacher': {'architecture': NETWORK, 'pretrained': {'source': 'none'},
                        'minimum_miou': 0, 'training': SHORT},
            'distill': {'training': SHORT}, 'quantize': {'fp16': False},
            'export': {'name': 'tiny'}, **sections}, sort_keys=False))
        return path
    return make


ALONE = {'teacher': None, 'distill': None, 'baseline': {'training': SHORT}}


def test_rows_are_listed_with_their_seeds(recipe, capsys):
    path = recipe(ablation={'seeds': [3], 'rows': {'baseline': {**ALONE, 'seeds': [0, 1]},
                                                   'kd': {}}})
    assert main(['ablate', str(path), '--list']) == 0
    assert capsys.readouterr().out.split() == ['baseline/0', 'baseline/1', 'kd/3']


@pytest.mark.parametrize('sections, rows', [
    pytest.param({'prune': {'heads': 2}}, 'baseline kd prune fp16 kd_prune all', id='whole'),
    pytest.param({}, 'baseline kd fp16 all', id='nothing to prune'),
    pytest.param({**ALONE, 'prune': {}}, 'baseline prune fp16 all', id='no teacher'),
    pytest.param(ALONE, 'baseline fp16', id='baseline alone'),
])
def test_without_rows_the_grid_follows_from_the_sections(recipe, sections, rows):
    grid = load_grid(recipe(**sections))
    assert grid.rows == rows.split() and grid.reference == 'baseline'


def test_rows_of_the_grid_switch_steps_on_and_off(recipe):
    finetune = {'training': SHORT}
    path = recipe(prune={'heads': 2}, finetune=finetune)
    rows = {trial.row: trial for trial in load_grid(path).trials}
    assert {name: (bool(t.recipe.distill), bool(t.recipe.prune), bool(t.recipe.finetune),
                   t.recipe.quantize.fp16, t.taught) for name, t in rows.items()} == {
        'baseline': (False, False, False, False, False),
        'kd': (True, False, False, False, True),
        'prune': (False, True, True, False, False),
        'fp16': (False, False, False, True, False),
        'kd_prune': (True, True, True, False, True),
        'all': (True, True, True, True, True)}


def test_overrides_merge_and_null_removes(recipe):
    path = recipe(loss={'dice': 0.5, 'class_weights': {'person': 2.0}}, ablation={'rows': {
        'plain': {'rare': None, 'loss': {'class_weights': None}},
        'long': {'distill': {'training': {'iterations': 9}}},
        'wide': {'teacher': {'architecture': {'decoder_channels': 16}}}}})
    plain, long, wide = load_grid(path).trials
    assert plain.recipe.rare == {} and plain.recipe.loss.class_weights == {}
    assert plain.recipe.loss.dice == 0.5 and plain.taught
    assert long.recipe.distill.training.iterations == 9
    assert long.recipe.distill.training.batch == 2
    assert wide.recipe.teacher.architecture.decoder_channels == 16 and not wide.taught


@pytest.mark.parametrize('ablation, complaint', [
    pytest.param({'rows': {'kd': {'distil': {}}}}, 'row kd: distil: unknown key', id='key'),
    pytest.param({'rows': {'kd': {'teacher': None}}}, 'row kd: .*needs a teacher', id='rule'),
    pytest.param({'rows': {'kd': {'seed': 3}}}, r'give seeds: \[3\]', id='seed of a row'),
    pytest.param({'rows': {'a/b': {}}}, 'should match pattern', id='name'),
    pytest.param({'rows': {'kd': {'seeds': [-1]}}}, 'greater than or equal to 0', id='seed'),
    pytest.param({'reference': 'none'}, "reference 'none' is none of the rows", id='reference'),
])
def test_a_wrong_row_is_one_line_before_anything_runs(recipe, tmp_path, ablation, complaint):
    with pytest.raises(UserError, match=complaint):
        load_grid(recipe(ablation=ablation))


@pytest.mark.parametrize('options, complaint', [
    pytest.param(['--rows', 'kd2'], '--rows kd2: the rows are baseline, kd', id='rows'),
    pytest.param(['--row-index', '4'], '--row-index 4: give 0 to 3', id='index'),
    pytest.param(['--set', 'size'], '--set size: give it as key.key=value', id='set'),
    pytest.param(['--set', 'data.1.share=2'], '1 is no place in a list of 1', id='list'),
    pytest.param(['--report'], 'no row is finished', id='nothing to report'),
])
def test_a_wrong_option_is_one_line(recipe, tmp_path, capsys, options, complaint):
    assert main(['ablate', str(recipe()), '--out', str(tmp_path / 'out'), *options]) == 2
    error = capsys.readouterr().err
    assert complaint in error and error.count('\n') == 1


def test_settings_change_a_recipe(recipe, tmp_path):
    made = load_recipe(recipe(), ['teacher.model=stored', 'data.0.share=0.5', 'rare=null',
                                  'distill.training.iterations=7'])
    assert made.teacher.model == tmp_path / 'stored'
    assert (made.data[0].share, made.rare, made.distill.training.iterations) == (0.5, {}, 7)


def test_a_setting_leaves_all_else_as_it_was(recipe):
    insertions = {4: {'dim': 80, 'depth': 2}, 5: {'dim': 96, 'depth': 3}}
    path = recipe(
        student={'encoder': 'tf_efficientnet_lite0', 'insertions': insertions},
        ablation={'rows': {'baseline': ALONE, 'kd': {}}})
    grid = load_grid(path, ['ablation.rows.baseline.seeds=[1, 2]', 'student.insertions.4.depth=1'])
    assert [trial.name for trial in grid.trials] == ['baseline/1', 'baseline/2', 'kd/0']
    assert grid.trials[0].recipe.teacher is None, "the row's null is kept"
    found = {level: (i.dim, i.depth) for level, i in grid.recipe.student.insertions.items()}
    assert found == {4: (80, 1), 5: (96, 3)}


def test_iterations_are_those_of_the_student_that_is_scored(recipe):
    baseline = {'training': {**SHORT, 'iterations': 100}}
    taught = load_recipe(recipe(
        baseline=baseline, finetune={'training': {**SHORT, 'iterations': 30}},
        prune={'heads': 1, 'steps': 3, 'training': {**SHORT, 'iterations': 10}}))
    assert iterations(taught) == 2 + 2 * 10 + 30
    assert iterations(load_recipe(recipe(**{**ALONE, 'baseline': baseline}))) == 100


def test_a_stored_teacher_that_is_not_there_is_one_line(recipe, tmp_path, capsys):
    assert main(['run', str(recipe()), '--out', str(tmp_path / 'out'),
                 '--set', 'teacher.model=stored']) == 2
    error = capsys.readouterr().err
    assert 'stored model' in error and 'No such file' in error and error.count('\n') == 1


def test_where_every_row_fails_the_reasons_are_told(recipe, tmp_path, capsys):
    (tmp_path / 'out').write_text('in the way')
    assert main(['ablate', str(recipe()), '--out', str(tmp_path / 'out')]) == 1
    error = capsys.readouterr().err
    assert 'trials failed: ' in error and 'Not a directory' in error and error.count('\n') == 1


def counting(name, needs, setting):
    """Return a stage that counts its runs."""
    module = ModuleType(f'stages.{name}')
    module.NEEDS, module.runs = needs, 0
    module.depends_on = setting

    def run(run, place):
        module.runs += 1
        (place / 'made').write_text(name)
        return {}

    module.run = run
    return module


def test_runs_share_the_stages_that_they_have_in_common(recipe, tmp_path):
    first = counting('first', (), lambda recipe: 'same')
    second = counting('second', ('first',), lambda recipe: recipe.seed)
    made = load_recipe(recipe())
    for seed in (0, 1, 0):
        run = Run(made.model_copy(update={'seed': seed}), tmp_path / f'row{seed}',
                  lambda line: None, tmp_path / 'stages')
        carry_out(run, [first, second])
        assert (run.place('second') / 'made').read_text() == 'second'
    assert (first.runs, second.runs) == (1, 2)
    assert len([p for p in (tmp_path / 'stages').iterdir() if p.is_dir()]) == 3


def figures(name, values):
    """Return a row whose trials scored these mIoU, by seed."""
    return RowFigures(name, {seed: {'scores': {'set': {
        'miou': value, 'mdice_lpcv': None,
        'per_class': {WATER: {'iou': value / 2, 'support': 9, 'share': 1.0}}}}}
        for seed, value in values.items()})


def test_differences_are_taken_seed_by_seed():
    reference, row = figures('a', {0: 0.5, 1: 0.7}), figures('b', {0: 0.6, 1: 0.9})
    assert row.figure('mIoU set').text() == '0.750 ± 0.150'
    assert row.difference(reference, 'mIoU set').text('+') == '+0.150 ± 0.050'
    assert row.difference(reference, 'water IoU set').text('+') == '+0.075 ± 0.025'
    assert row.figure('LPCV mDice set') is None
    assert row.difference(reference, 'LPCV mDice set') is None


@pytest.mark.parametrize('values, expected', [
    pytest.param({0: 0.6}, '+0.100', id='one of its seeds'),
    pytest.param({5: 0.8}, '+0.200', id='no seed in common: means'),
])
def test_a_row_with_fewer_seeds_is_compared_with_the_same_ones(values, expected):
    reference = figures('a', {0: 0.5, 1: 0.7})
    assert figures('b', values).difference(reference, 'mIoU set').text('+') == expected


def test_classes_are_compared_between_the_rows_that_were_scored_on_them(tmp_path):
    rows = [figures('a', {0: 0.5}), figures('b', {0: 0.6}), figures('c', {0: 0.7})]
    rows[0].first['scores']['other'] = rows[0].first['scores'].pop('set')
    for row in rows:
        row.first.update(precision='fp32', parameters=1, gmacs=1, bytes=1, iterations=1, wall_s={})
    items = {item.title: item for item in items_of(rows, rows[1], {}, [], tmp_path)}
    assert items['IoU by class: set'].header[-2:] == ['b', 'c']
    assert 'a' not in items['IoU by class: set'].header
    assert [row[0] for row in items['Difference from b'].rows] == ['a', 'c']


@pytest.mark.long
def test_an_ablation_killed_and_restarted_trains_each_stage_once_and_reports(
        recipe, tmp_path, capsys):
    path = recipe(ablation={'rows': {
        'baseline': ALONE, 'broken': {'pretrained': {'source': 'wheel'}},
        'kd_fp16': {'quantize': {'fp16': True}}}})
    out = tmp_path / 'out'
    command = [sys.executable, '-m', 'effvit_compression.cli', 'ablate', str(path), '--out',
               str(out), '--rows', 'kd_fp16']
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 500
    while not list(out.glob('stages/teacher-*/last.ckpt')) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not list(out.glob('rows/*/*/result.json'))

    assert main(['ablate', str(path), '--out', str(out)]) == 1
    error = capsys.readouterr().err
    assert 'error: 1 of 3 trials failed: broken/0: ' in error and error.count('\n') == 1
    stages = [p.parent.name.split('-')[0] for p in out.glob('stages/*/result.json')]
    assert {name: stages.count(name) for name in set(stages)} == {
        'data': 1, 'teacher': 2, 'baseline': 1, 'distill': 1, 'quantize': 2, 'export': 2,
        'score': 2}  # the teacher: trained, and as the rows take it

    report = json.loads((out / 'report' / 'report.json').read_text())
    assert [entry['trial'] for entry in report['not_finished']] == ['broken/0']
    half, full = (report['rows'][name]['trials']['0'] for name in ('kd_fp16', 'baseline'))
    assert (half['precision'], full['precision']) == ('fp16', 'fp32')
    assert half['bytes'] < 0.7 * full['bytes'] and half['iterations'] == 2
    assert set(report['rows']['kd_fp16']['latency_ms']) >= set(INSTALLED)
    assert set(report['rows']['kd_fp16']['difference']) == {
        'mIoU tiny', 'LPCV mDice tiny', 'water IoU tiny'}
    for name in ('report.html', 'report.md', 'differences.png', 'classes_0.png'):
        assert (out / 'report' / name).stat().st_size > 500

    assert main(['ablate', str(path), '--out', str(out), '--rows', 'kd_fp16,baseline/0']) == 0
    said = capsys.readouterr().out
    assert said.count('finished before, nothing changed') == 2 and 'start' not in said

    assert main(['ablate', str(path), '--out', str(out), '--report', '--set', 'size=128']) == 2
    assert 'no row is finished with these settings' in capsys.readouterr().err
