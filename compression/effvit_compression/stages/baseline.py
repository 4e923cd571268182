"""Train the student without a teacher: the row that the others are compared with."""
from __future__ import annotations

from effvit_compression.stages.learn import beginner, learn
from effvit_compression.stages.teacher import common, network, origin

NEEDS = ('data',)
TOGETHER = True


def depends_on(recipe):
    """Return the section, the student's architecture and what shapes the batches."""
    if recipe.baseline is None:
        return None
    return [recipe.baseline.model_dump(mode='json'), network(recipe, recipe.student),
            origin(recipe.pretrained), common(recipe)]


def run(run, place):
    """Train and score."""
    net = beginner(run, run.recipe.student, run.recipe.pretrained)
    settings = run.recipe.baseline
    return learn(run, place, net, settings.training, shares=settings.shares)
