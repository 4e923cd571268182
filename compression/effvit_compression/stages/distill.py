"""Train the student with the teacher from the start."""
from __future__ import annotations

from pathlib import Path
from typing import Optional

from effvit_compression.models.store import load_model
from effvit_compression.pipeline import Run
from effvit_compression.recipe import given, Recipe
from effvit_compression.stages.learn import initial_network, learn
from effvit_compression.stages.teacher import common, network, origin, rounded
from effvit_compression.stages.teachers import weighing

NEEDS = ('data', 'teacher', 'teachers', 'transformer')
TOGETHER = True


def depends_on(recipe: Recipe) -> Optional[list]:
    """Return the section, the student's architecture and what shapes the batches."""
    if recipe.distill is None:
        return None
    return [recipe.distill.model_dump(mode='json'), network(recipe, recipe.student),
            origin(recipe.pretrained), common(recipe), *rounded(recipe),
            weighing(recipe)]


def run(run: Run, place: Path) -> dict:
    """Train and score."""
    settings = given(run.recipe.distill)
    net = initial_network(run, run.recipe.student, run.recipe.pretrained)
    teacher = load_model(run.place('teacher')) if run.recipe.teacher else None
    return learn(run, place, net, settings.training, teacher, settings.distillation,
                 needed=NEEDS, shares=settings.shares)
