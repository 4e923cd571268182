"""Cut heads, neurons, channels out of the student, at once or with training between cuts."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import torch

from effvit_compression import ranks
from effvit_compression.export.int8 import evenly_spaced
from effvit_compression.losses.distillation import DistillationSettings
from effvit_compression.models.cost import heads
from effvit_compression.models.factory import SegmentationNet
from effvit_compression.models.store import load_model, save_model
from effvit_compression.pipeline import Run
from effvit_compression.pruning.channels import cut_channels, gather
from effvit_compression.pruning.settings import PruningSettings
from effvit_compression.pruning.surgery import Budget, budgets, choose, cut, factorise
from effvit_compression.recipe import given, Recipe
from effvit_compression.stages.learn import batches, figures, learn
from effvit_compression.stages.teacher import common, rounded
from effvit_compression.training.evaluate import as_batch
from effvit_ros.core.resize import nearest
from effvit_ros.core.whole_file import write_text

#: Pictures of each source whose gradients rank channels.
TAYLOR_PICTURES = 16
NEEDS = ('data', 'teacher', 'teachers', 'baseline', 'distill')
TOGETHER = True


def depends_on(recipe: Recipe) -> Optional[list]:
    """Return the section and, with training between the cuts, what shapes that."""
    if recipe.prune is None:
        return None
    settings: List[Any] = [recipe.prune.model_dump(mode='json')]
    if recipe.prune.steps > 1:
        settings += [distillation(recipe).model_dump(mode='json'), common(recipe),
                     *rounded(recipe)]
    return settings


def distillation(recipe: Recipe) -> DistillationSettings:
    """Return how the teacher teaches between the cuts: as in fine-tuning, or as before."""
    section = recipe.finetune or recipe.distill
    return section.distillation if section else DistillationSettings()


def run(run: Run, place: Path) -> dict:
    """Prune and score, before any fine-tuning; with several steps, the scores of each."""
    settings = given(run.recipe.prune)
    net = load_model(run.place(run.student))
    plan = [budgets(net, settings, step / settings.steps)
            for step in range(1, settings.steps + 1)]
    between = []
    for number, budget in enumerate(plan[:-1], start=1):
        net, found = step(run, place / f'step_{number}', net, budget, number)
        between.append(found)
    cut_once(run, net, plan[-1], settings.steps)
    factorise(net, settings)
    ranks.on_rank_zero(lambda: save_model(net, place))
    return {**figures(run, net), 'heads': heads(net), **({'steps': between} if between else {})}


def cut_once(run: Run, net: SegmentationNet, budget: Dict[str, Budget], number: int) -> None:
    """Cut as far as the budget, and the channels' share of cut ``number``, in place."""
    settings = given(run.recipe.prune)
    cut(net, choose(net, settings, budget))
    if settings.channels:
        if settings.importance == 'taylor':
            gather(net, samples(run))
        cut_channels(net, share_of(settings, number), settings.importance, settings.scope)


def share_of(settings: PruningSettings, number: int) -> float:
    """Return the share of what is left that cut ``number`` takes, for equal cuts of the whole."""
    left = [1 - settings.channels * cuts / settings.steps for cuts in (number - 1, number)]
    return 1 - left[1] / left[0]


def samples(run: Run) -> Iterator[Tuple[torch.Tensor, torch.Tensor]]:
    """Yield train pictures with labels, the same number of each source, at the recipe's size."""
    size = run.recipe.size
    for source in run.recipe.data:
        pictures = run.pictures(source, 'train')
        for index in evenly_spaced(range(len(pictures)), TAYLOR_PICTURES):
            image, truth = pictures[index]
            yield (as_batch(image, size),
                   torch.from_numpy(nearest(truth, (size, size)))[None])


def step(run: Run, place: Path, net: SegmentationNet, budget: Dict[str, Budget], number: int,
         ) -> Tuple[SegmentationNet, dict]:
    """Cut as far as the budget and train, unless that is done; return network and figures."""
    result = place / 'result.json'
    if not result.exists():
        training = given(given(run.recipe.prune).training)
        cut_once(run, net, budget, number)
        teacher = load_model(run.place('teacher')) if run.recipe.teacher else None
        found = learn(run, place, net, training, teacher, distillation(run.recipe),
                      batches(run.recipe, number))
        ranks.on_rank_zero(lambda: write_text(
            result, json.dumps({**found, 'heads': heads(net)}, indent=2) + '\n'))
    return load_model(place), json.loads(result.read_text(encoding='utf-8'))
