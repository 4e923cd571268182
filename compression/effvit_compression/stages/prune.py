"""Cut heads and neurons out of the student."""
from __future__ import annotations

from effvit_compression.models.cost import heads
from effvit_compression.models.store import load_model, save_model
from effvit_compression.pruning.surgery import choose, cut
from effvit_compression.stages.learn import figures

NEEDS = ('baseline', 'distill')


def depends_on(recipe):
    """Return the section."""
    return recipe.prune and recipe.prune.model_dump(mode='json')


def run(run, place):
    """Prune and score, before any fine-tuning."""
    net = load_model(run.place(run.student))
    cut(net, choose(net, run.recipe.prune))
    save_model(net, place)
    return {**figures(run, net), 'heads': heads(net)}
