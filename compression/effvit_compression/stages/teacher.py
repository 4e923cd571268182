"""Train the teacher or take a stored one, and refuse one that knows too little to teach."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional

from effvit_compression import ranks
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.pretrained import Pretrained
from effvit_compression.models.store import load_network, save_model
from effvit_compression.pipeline import Run
from effvit_compression.recipe import given, Recipe
from effvit_compression.stages.contents import content
from effvit_compression.stages.data import HERE
from effvit_compression.stages.learn import figures, initial_network, learn

NEEDS = ('data',)
TOGETHER = True


def depends_on(recipe: Recipe) -> Optional[list]:
    """Return the teacher's section and what shapes its batches, or the stored one's files."""
    settings = recipe.teacher
    if settings is None:
        return None
    if settings.model:
        return [content(settings.model), settings.minimum_miou, recipe.size]
    fields = settings.model_dump(
        mode='json', exclude={'model', 'pretrained', 'cache', 'cache_gb', 'cache_folder'})
    fields['architecture'] = network(recipe, given(settings.architecture))
    return [fields, origin(settings.pretrained), common(recipe)]


def network(recipe: Recipe, architecture: Architecture) -> Dict[str, Any]:
    """
    Return what decides a network before it is trained; of its classes the names.

    LPCV's count by their number, as before there were others: what was trained then stays.
    """
    classes = recipe.class_set
    return {**architecture.model_dump(mode='json', exclude={'classes'}),
            'classes': len(classes) if classes.is_lpcv else list(classes.names)}


def origin(pretrained: Pretrained) -> list:
    """Return where first weights come from; a stored network counts by what it holds."""
    settings = pretrained.model_dump(mode='json', exclude={'model'})
    return [settings, *(content(pretrained.model) if pretrained.model else [])]


def common(recipe: Recipe) -> list:
    """Return what every training depends on: how it learns from the data."""
    sources = [source.model_dump(mode='json', exclude=HERE) for source in recipe.data]
    fields = recipe.model_dump(
        mode='json', include={'seed', 'size', 'augmentation', 'rare', 'loss', 'paste'})
    if recipe.paste:
        fields['paste']['classes'] = list(recipe.pasted)
    return [sources, fields]


def rounded(recipe: Recipe) -> List[str]:
    """Return what a cache changes in a distillation: answers are rounded; nothing without one."""
    return ['answers in float16'] if recipe.teacher and recipe.teacher.cache else []


def run(run: Run, place: Path) -> dict:
    """Train or take, score, check the score."""
    settings = given(run.recipe.teacher)
    if settings.model:
        net = load_network(settings.model)
        difference = net.architecture.classes.differences(run.recipe.class_set)
        if difference:
            ranks.refuse(f'teacher.model {settings.model}: it tells other classes apart: '
                         f'{difference}')
        ranks.on_rank_zero(lambda: save_model(net, place))
        result = figures(run, net)
    else:
        net = initial_network(run, given(settings.architecture), settings.pretrained)
        result = learn(run, place, net, given(settings.training))
    name, scores = next(iter(result['scores'].items()))
    if scores['miou'] < settings.minimum_miou:
        ranks.refuse(
            f'teacher: mIoU on {name} is {scores["miou"]:.3f}, the recipe asks for '
            f'{settings.minimum_miou}: train it longer, or lower teacher.minimum_miou')
    return result
