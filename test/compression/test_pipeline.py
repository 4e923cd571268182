"""The pipeline: skips what is finished, resumes what is not, survives kill -9."""
from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from effvit_compression.pipeline import carry_out, Run
from effvit_compression.recipe import load_recipe, Source
from effvit_compression.stages import data, ORDER
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
    assert {s.__name__.rsplit('.', 1)[-1] for s in ORDER} - {'report'} == set(report['stages'])
