"""One trial in a process of its own: ``python -m effvit_compression.ablation.trial FOLDER``."""
from __future__ import annotations

import argparse
import functools
import json
import os
import sys
from pathlib import Path
from typing import Optional, Sequence, Tuple

from effvit_compression.ablation import score
from effvit_compression.files import told
from effvit_compression.pipeline import carry_out, Run, Stage, WALL
from effvit_compression.recipe import given, load_recipe, Recipe
from effvit_compression.stages import data, ORDER, report, teacher
from effvit_ros.core.errors import reports_user_errors
from effvit_ros.core.whole_file import write_text

RECIPE = 'recipe.yaml'
RESULT = 'result.json'
TEACHER_STAGES: Tuple[Stage, ...] = (data, teacher)
#: A trial has no report of its own; it is scored on the graph that its row is about.
TRIAL_STAGES: Tuple[Stage, ...] = (*(stage for stage in ORDER if stage is not report), score)


@reports_user_errors
def main(argv: Optional[Sequence[str]] = None) -> int:
    """Carry out the recipe in a folder, or its teacher alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path, help=f'Take this trial\'s folder, with the {RECIPE}.')
    parser.add_argument('--store', type=Path, required=True,
                        help='Keep the stages that trials share in this folder.')
    parser.add_argument('--teacher', action='store_true', help='Train the teacher alone.')
    arguments = parser.parse_args(argv)
    run = Run(load_recipe(arguments.folder / RECIPE), arguments.folder,
              functools.partial(print, flush=True), arguments.store)
    with told():
        carry_out(run, TEACHER_STAGES if arguments.teacher else TRIAL_STAGES)
    if not arguments.teacher:
        write_text(arguments.folder / RESULT, json.dumps(result(run), indent=2) + '\n')
    return 0


def result(run: Run) -> dict:
    """Return a finished trial's figures."""
    network = run.results[run.student]
    bundle = run.place('export') / run.recipe.export.name
    return {
        'key': run.keys['score'],
        'bundle': os.path.relpath(bundle, run.folder),
        'parameters': network['parameters'], 'gmacs': network['gmacs'],
        'iterations': iterations(run.recipe),
        'wall_s': {name: float((run.place(name) / WALL).read_text()) for name in run.results},
        **run.results['score']}


def iterations(recipe: Recipe) -> int:
    """Count the student's training steps; with ``distill`` in it a baseline is another student."""
    trainings = [given(recipe.distill or recipe.baseline).training]
    if recipe.prune and recipe.prune.training:
        trainings += [recipe.prune.training] * (recipe.prune.steps - 1)  # between the cuts
    if recipe.finetune:
        trainings.append(recipe.finetune.training)
    return sum(training.iterations for training in trainings)


if __name__ == '__main__':
    sys.exit(main())
