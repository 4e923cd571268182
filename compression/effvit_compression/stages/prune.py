"""Cut heads and neurons out of the student, at once or in steps with training between."""
from __future__ import annotations

import json

from effvit_compression import ranks
from effvit_compression.losses.distillation import DistillationSettings
from effvit_compression.models.cost import heads
from effvit_compression.models.store import load_model, save_model
from effvit_compression.pruning.surgery import budgets, choose, cut, factorise
from effvit_compression.stages.learn import batches, figures, learn
from effvit_compression.stages.teacher import common, rounded
from effvit_ros.core.whole_file import write_text

NEEDS = ('data', 'teacher', 'teachers', 'baseline', 'distill')
TOGETHER = True


def depends_on(recipe):
    """Return the section and, with training between the cuts, what shapes that."""
    if recipe.prune is None:
        return None
    settings = [recipe.prune.model_dump(mode='json')]
    if recipe.prune.steps > 1:
        settings += [distillation(recipe).model_dump(mode='json'), common(recipe),
                     *rounded(recipe)]
    return settings


def distillation(recipe):
    """Return how the teacher teaches between the cuts: as in fine-tuning, or as before."""
    section = recipe.finetune or recipe.distill
    return section.distillation if section else DistillationSettings()


def run(run, place):
    """Prune and score, before any fine-tuning; with several steps, the scores of each."""
    settings = run.recipe.prune
    net = load_model(run.place(run.student))
    plan = [budgets(net, settings, step / settings.steps)
            for step in range(1, settings.steps + 1)]
    between = []
    for number, budget in enumerate(plan[:-1], start=1):
        net, found = step(run, place / f'step_{number}', net, budget, number)
        between.append(found)
    cut(net, choose(net, settings, plan[-1]))
    factorise(net, settings)
    ranks.by_first(lambda: save_model(net, place))
    return {**figures(run, net), 'heads': heads(net), **({'steps': between} if between else {})}


def step(run, place, net, budget, number):
    """Cut as far as the budget and train, unless that is done; return network and figures."""
    result = place / 'result.json'
    if not result.exists():
        settings = run.recipe.prune
        cut(net, choose(net, settings, budget))
        teacher = load_model(run.place('teacher')) if run.recipe.teacher else None
        found = learn(run, place, net, settings.training, teacher, distillation(run.recipe),
                      batches(run.recipe, number))
        ranks.by_first(lambda: write_text(
            result, json.dumps({**found, 'heads': heads(net)}, indent=2) + '\n'))
    return load_model(place), json.loads(result.read_text(encoding='utf-8'))
