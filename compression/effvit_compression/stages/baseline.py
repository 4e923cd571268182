"""Train the student without a teacher: the row that the others are compared with."""
from __future__ import annotations

from pathlib import Path
from typing import Optional

from effvit_compression.pipeline import Run
from effvit_compression.recipe import given, Recipe
from effvit_compression.stages.learn import initial_network, learn
from effvit_compression.stages.teacher import common, network, origin

NEEDS = ('data',)
TOGETHER = True


def depends_on(recipe: Recipe) -> Optional[list]:
    """Return the section, the student's architecture and what shapes the batches."""
    if recipe.baseline is None:
        return None
    return [recipe.baseline.model_dump(mode='json'), network(recipe, recipe.student),
            origin(recipe.pretrained), common(recipe)]


def run(run: Run, place: Path) -> dict:
    """Train and score."""
    net = initial_network(run, run.recipe.student, run.recipe.pretrained)
    settings = given(run.recipe.baseline)
    return learn(run, place, net, settings.training, shares=settings.shares)
