"""The pipeline: skips what is finished, resumes what is not, survives kill -9."""
from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import yaml

from effvit_compression.data.description import load_description
from effvit_compression.pipeline import carry_out, Run
from effvit_compression.recipe import load_recipe, Source
from effvit_compression.stages import data
from effvit_ros.core.errors import UserError

SMOKE = Path(__file__).parents[2] / 'config' / 'recipes' / 'smoke.yaml'


def stage(name, needs, depends_on, work=lambda run, place: None):
    """Return a stage that counts its runs."""
    module = ModuleType(f'stages.{name}')
    module.NEEDS, module.runs = needs, 0
    module.depends_on = depends_on

    def run(run, place):
        module.runs += 1
        work(run, place)
        return {'value': module.runs}

    module.run = run
    return module


@pytest.fixture
def stages():
    """Return one, two (needs one) and apart (needs nothing); settings by name in ``values``."""
    values = {'one': 1, 'two': 2, 'apart': 3}
    made = [stage(name, needs, lambda recipe, name=name: values[name])
            for name, needs in (('one', ()), ('two', ('one',)), ('apart', ()))]
    return made, values


@pytest.fixture
def run(tmp_path):
    """Return a maker of runs in one folder."""
    return lambda: Run(load_recipe(SMOKE), tmp_path / 'out', say=lambda line: None)


def counts(stages):
    """Return how often each stage ran."""
    return [s.runs for s in stages]


def test_one_description_may_stand_for_two_folders(run, dataset, tmp_path):
    other = tmp_path / 'other'
    shutil.copytree(tmp_path / 'data', other)
    for name in ('images/val/{}.jpg', 'labels/val/{}.png'):
        shutil.copy(other / name.format('d'), other / name.format('e'))
    made = run()
    sources = Source(dataset=dataset), Source(dataset=dataset, root=other)
    assert [len(made.pictures(source, 'val')) for source in sources] == [1, 2]


def test_what_a_dataset_calls_its_classes_is_learnt_but_not_its_licence(dataset):
    recipe = load_recipe(SMOKE).model_copy(update={'data': [Source(dataset=dataset)]})
    before = data.depends_on(recipe)
    fields = yaml.safe_load(dataset.read_text())
    dataset.write_text(yaml.safe_dump({**fields, 'licence': 'another'}))
    assert data.depends_on(recipe) == before
    dataset.write_text(yaml.safe_dump({**fields, 'trusted': ['person']}))
    assert data.depends_on(recipe) != before


def recipe_of(*sources):
    """Return the smoke recipe on other data."""
    return load_recipe(SMOKE).model_copy(update={'data': list(sources)})


def test_two_sources_of_one_name_are_refused(dataset, tmp_path):
    copied = shutil.copy(dataset, tmp_path / 'copied.yaml')
    flight = load_recipe(SMOKE).data[0]
    for sources, name in (([Source(dataset=dataset), Source(dataset=copied)], 'tiny'),
                          ([flight, flight], 'flight')):
        with pytest.raises(UserError, match=f'data: two datasets named {name}: '):
            data.depends_on(recipe_of(*sources))


def test_a_missing_val_split_is_found_before_anything_is_trained(dataset):
    fields = yaml.safe_load(dataset.read_text())
    del fields['splits']['val']
    dataset.write_text(yaml.safe_dump(fields))
    with pytest.raises(UserError, match="no split 'val'; it has train"):
        data.depends_on(recipe_of(Source(dataset=dataset)))


@pytest.mark.parametrize('split, label, share, complaint', [
    pytest.param('val', np.full((60, 80), 3, np.uint8), 1, 'd.png: unknown id 3', id='unknown id'),
    pytest.param('val', np.zeros((60, 70), np.uint8), 1, 'd.png: 70x60 pixels', id='other size'),
    pytest.param('val', np.full((60, 80), 255, np.uint8), 1, 'not one labelled pixel in val',
                 id='nothing labelled'),
    pytest.param('train', np.full((60, 80), 3, np.uint8), 0, None, id='what nobody reads'),
    pytest.param('train', np.full((60, 80), 255, np.uint8), 1, None, id='left to the teacher'),
])
def test_every_picture_is_read_before_anything_is_trained(dataset, tmp_path, split, label, share,
                                                          complaint):
    for path in (tmp_path / 'data/labels' / split).iterdir():
        cv2.imwrite(str(path), label)
    made = Run(recipe_of(Source(dataset=dataset, share=share)), tmp_path / 'out')
    if complaint is None:
        data.run(made, tmp_path / 'out/data')
        return
    with pytest.raises(UserError, match=complaint):
        data.run(made, tmp_path / 'out/data')


def test_a_picture_that_is_trained_on_and_scored_is_refused(dataset, tmp_path):
    description = load_description(dataset)
    learnt, scored = (description.pairs(split)[0].image for split in ('train', 'val'))
    shutil.copyfile(learnt, scored)
    with pytest.raises(UserError, match=f'{scored} of val is the same picture as {learnt} of '
                                        'train: scores would be those of pictures that were'):
        data.run(Run(recipe_of(Source(dataset=dataset)), tmp_path / 'out'), tmp_path / 'out/data')


def test_labels_without_a_picture_do_not_stop_a_training(dataset, tmp_path):
    cv2.imwrite(str(tmp_path / 'data/labels/train/alone.png'), np.zeros((4, 4), np.uint8))
    made = Run(recipe_of(Source(dataset=dataset)), tmp_path / 'out')
    assert data.run(made, tmp_path / 'out/data') == {'tiny': {'train': 3, 'val': 1}}


def test_a_second_run_in_a_folder_is_refused_while_the_first_works(stages, run):
    def work(outer, place):
        with pytest.raises(UserError, match='out: another run is at work there: wait for it'):
            carry_out(run(), stages[0])

    carry_out(run(), [stage('outer', (), lambda recipe: 1, work)])
    assert counts(stages[0]) == [0, 0, 0]
    carry_out(run(), stages[0])
    assert counts(stages[0]) == [1, 1, 1]


def test_finished_stages_are_skipped_and_their_results_kept(stages, run):
    carry_out(run(), stages[0])
    again = run()
    carry_out(again, stages[0])
    assert counts(stages[0]) == [1, 1, 1]
    assert again.results == {name: {'value': 1} for name in ('one', 'two', 'apart')}


def test_a_change_redoes_what_depends_on_it_and_nothing_else(stages, run, tmp_path):
    carry_out(run(), stages[0])
    (tmp_path / 'out' / 'two' / 'old').touch()
    stages[1]['one'] = 'changed'
    carry_out(run(), stages[0])
    assert counts(stages[0]) == [2, 2, 1]
    assert not (tmp_path / 'out' / 'two' / 'old').exists()


def test_an_interrupted_stage_finds_what_it_left(stages, run):
    seen = []

    def work(run, place):
        seen.append((place / 'half').exists())
        (place / 'half').touch()
        if len(seen) == 1:
            raise KeyboardInterrupt

    made = [stage('one', (), lambda recipe: 1, work)]
    with pytest.raises(KeyboardInterrupt):
        carry_out(run(), made)
    carry_out(run(), made)
    assert seen == [False, True]


def test_a_full_disk_names_the_stage(run):
    def work(run, place):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(UserError, match='out/one: No space left on device$'):
        carry_out(run(), [stage('one', (), lambda recipe: 1, work)])


def test_a_stage_that_the_recipe_leaves_out_does_not_run(stages, run):
    stages[1]['two'] = None
    carry_out(run(), stages[0])
    assert counts(stages[0]) == [1, 0, 1]


def test_one_stage_alone_needs_those_before_it(stages, run):
    with pytest.raises(UserError, match='stage two: one comes before it and is not finished'):
        carry_out(run(), stages[0], 'two')
    carry_out(run(), stages[0], 'one')
    carry_out(run(), stages[0], 'two')
    assert counts(stages[0]) == [1, 1, 0]
    with pytest.raises(UserError, match="stage 'three': this recipe has one, two, apart"):
        carry_out(run(), stages[0], 'three')


def artefacts(folder):
    """Return the hashes of what the stages made, times and logs left out."""
    names = [p for pattern in ('*/model.safetensors', 'quantize/*.onnx', 'export/*/*')
             for p in folder.glob(pattern)]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in names}


@pytest.mark.long
def test_the_smoke_recipe_killed_again_and_again_ends_with_the_same_artefacts(tmp_path):
    fields = yaml.safe_load(SMOKE.read_text())
    fields['data'][0]['dataset'] = str(SMOKE.parent / fields['data'][0]['dataset'])
    for name in ('teacher', 'baseline', 'distill', 'finetune'):
        fields[name]['training'].update(iterations=8, checkpoint_every=2, log_every=1)
    fields['teacher']['minimum_miou'] = 0
    recipe = tmp_path / 'short.yaml'
    recipe.write_text(yaml.safe_dump(fields))

    def command(folder):
        return [sys.executable, '-m', 'effvit_compression.cli', 'run', str(recipe), '--out',
                str(tmp_path / folder)]

    subprocess.run(command('whole'), check=True, timeout=600, capture_output=True)
    for seconds in (9, 19, 29):
        process = subprocess.Popen(command('killed'), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command('killed'), check=True, timeout=600, capture_output=True)
    whole, killed = artefacts(tmp_path / 'whole'), artefacts(tmp_path / 'killed')
    assert len(whole) > 8 and whole == killed
    report = json.loads((tmp_path / 'whole' / 'report' / 'report.json').read_text())
    assert report['stages']['prune']['heads'] == [2] * 9
    assert report['stages']['finetune']['gmacs'] < report['stages']['distill']['gmacs']
    assert set(report['stages']) == {'data', 'teacher', 'baseline', 'distill', 'prune', 'finetune',
                                     'quantize', 'export'}
