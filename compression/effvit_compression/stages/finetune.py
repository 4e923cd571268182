"""Train the student, pruned or not, further, the teacher still at its side where there is one."""
from __future__ import annotations

from pathlib import Path
from typing import Optional

from effvit_compression.models.store import load_model
from effvit_compression.pipeline import Run
from effvit_compression.recipe import given, Recipe
from effvit_compression.stages.learn import batches, learn
from effvit_compression.stages.teacher import common, rounded
from effvit_compression.stages.teachers import weighing

NEEDS = ('data', 'teacher', 'teachers', 'transformer', 'baseline', 'distill', 'prune')
TOGETHER = True


def depends_on(recipe: Recipe) -> Optional[list]:
    """Return the section and what shapes the batches."""
    if recipe.finetune is None:
        return None
    return [recipe.finetune.model_dump(mode='json'), common(recipe), *rounded(recipe),
            weighing(recipe)]


def run(run: Run, place: Path) -> dict:
    """Train and score."""
    settings = given(run.recipe.finetune)
    net = load_model(run.place(run.student))
    teacher = load_model(run.place('teacher')) if run.recipe.teacher else None
    cuts = run.recipe.prune.steps if run.recipe.prune else 0
    return learn(run, place, net, settings.training, teacher, settings.distillation,
                 batches(run.recipe, cuts), NEEDS, settings.shares)
