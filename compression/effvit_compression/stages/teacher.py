"""Train the teacher, and refuse one that has learnt too little to teach."""
from __future__ import annotations

from effvit_compression.stages.learn import beginner, learn
from effvit_ros.core.errors import UserError

NEEDS = ('data',)


def depends_on(recipe):
    """Return the teacher's section and what shapes its batches."""
    if recipe.teacher is None:
        return None
    return [recipe.teacher.model_dump(mode='json'), common(recipe)]


def common(recipe):
    """Return what every training depends on."""
    return recipe.model_dump(
        mode='json', include={'seed', 'size', 'augmentation', 'rare', 'loss'})


def run(run, place):
    """Train, score, check the score."""
    settings = run.recipe.teacher
    net = beginner(run, settings.architecture, settings.pretrained)
    figures = learn(run, place, net, settings.training)
    name, scores = next(iter(figures['scores'].items()))
    if scores['miou'] < settings.minimum_miou:
        raise UserError(
            f'teacher: mIoU on {name} is {scores["miou"]:.3f}, the recipe asks for '
            f'{settings.minimum_miou}: train it longer, or lower teacher.minimum_miou')
    return figures
