"""Train the teacher or take a stored one, and refuse one that knows too little to teach."""
from __future__ import annotations

from effvit_compression.models.store import ARCHITECTURE, load_model, save_model, WEIGHTS
from effvit_compression.stages.learn import beginner, figures, learn
from effvit_ros.core.bundle import sha256_of
from effvit_ros.core.errors import UserError

NEEDS = ('data',)


def depends_on(recipe):
    """Return the teacher's section and what shapes its batches."""
    if recipe.teacher is None:
        return None
    return [recipe.teacher.model_dump(
        mode='json', exclude={'cache', 'cache_gb', 'cache_folder'}), common(recipe)]


def common(recipe):
    """Return what every training depends on."""
    return recipe.model_dump(
        mode='json', include={'seed', 'size', 'augmentation', 'rare', 'loss'})


def rounded(recipe):
    """Return what a cache changes in a distillation: answers are rounded; nothing without one."""
    return ['answers in float16'] if recipe.teacher.cache else []


def run(run, place):
    """Train or take, score, check the score."""
    settings = run.recipe.teacher
    if settings.model:
        net = load_model(settings.model)
        save_model(net, place)
        result = figures(run, net)
    else:
        net = beginner(run, settings.architecture, settings.pretrained)
        result = learn(run, place, net, settings.training)
    name, scores = next(iter(result['scores'].items()))
    if scores['miou'] < settings.minimum_miou:
        raise UserError(
            f'teacher: mIoU on {name} is {scores["miou"]:.3f}, the recipe asks for '
            f'{settings.minimum_miou}: train it longer, or lower teacher.minimum_miou')
    return result
