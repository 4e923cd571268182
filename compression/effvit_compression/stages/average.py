"""
Go back part of the way to the student's first weights, where that is better.

Weights between those before and after a fine-tuning often carry over to other views better than
either (Wortsman et al., arXiv 2109.01903), at no cost on board.
"""
from __future__ import annotations

import json
from pathlib import Path
from typing import Optional, Sequence

from effvit_compression.models.blend import blend
from effvit_compression.models.factory import build, SegmentationNet
from effvit_compression.models.store import load_model, load_network, save_model
from effvit_compression.pipeline import Run
from effvit_compression.recipe import given, Recipe
from effvit_compression.stages.learn import figures
from effvit_compression.stages.teacher import origin
from effvit_ros.core.errors import UserError
from effvit_ros.core.whole_file import write_text

NEEDS = ('data', 'baseline', 'distill', 'prune', 'finetune')


def depends_on(recipe: Recipe) -> Optional[list]:
    """Return the section and where the first weights come from."""
    if recipe.average is None:
        return None
    return [recipe.average.model_dump(mode='json'), origin(recipe.pretrained)]


def run(run: Run, place: Path) -> dict:
    """Score each share of the first weights, keep the best; return its figures and all scores."""
    before = load_network(given(run.recipe.pretrained.model))
    after = load_model(run.place(run.student))
    judges = [run.description(source).name for source in run.recipe.data if not source.flight]
    tried = {}
    for share in given(run.recipe.average).shares:
        path = place / f'share_{share:g}.json'
        if not path.exists():
            found = figures(run, between(before, after, share))
            write_text(path, json.dumps(found, indent=2) + '\n')
        tried[share] = json.loads(path.read_text(encoding='utf-8'))
        run.say(f'average: {share:g} of the first weights: mean mIoU '
                f'{mean_of(tried[share], judges):.4f}')
    best = max(tried, key=lambda share: mean_of(tried[share], judges))
    save_model(between(before, after, best), place)
    return {**tried[best], 'share': best,
            'tried': {f'{share:g}': mean_of(found, judges) for share, found in tried.items()}}


def mean_of(found: dict, judges: Sequence[str]) -> float:
    """Return the mean over the named sets of mIoU."""
    return sum(found['scores'][name]['miou'] for name in judges) / len(judges)


def between(before: SegmentationNet, after: SegmentationNet, share: float) -> SegmentationNet:
    """
    Return a network with weights between two: ``share`` of ``before``, the rest of ``after``.

    :raises UserError: the two are of different architectures.
    """
    if not before.architecture.takes_weights_of(after.architecture):
        raise UserError('average: the first weights are of another architecture: leave the '
                        'section average out, or give a pretrained.model of the same')
    net = build(after.architecture)
    net.load_state_dict(blend(before.state_dict(), after.state_dict(), 1 - share))
    return net.eval()
