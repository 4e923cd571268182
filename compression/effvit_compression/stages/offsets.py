"""
Settle how readily each class is called: an offset on its score, found on the val pictures.

Losses and crops that favour what is rare leave a network that calls it too readily, and the
other way round (Menon et al., arXiv 2007.07314). An offset of a class mends that in all places
alike, and costs nothing on board: it is a part of the last layer's bias.
"""
from __future__ import annotations

from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np
import torch

from effvit_compression.evaluation import reduction
from effvit_compression.models.factory import SegmentationNet
from effvit_compression.models.store import load_model, save_model
from effvit_compression.pipeline import Run
from effvit_compression.recipe import given, Offsets, Recipe, Source
from effvit_compression.stages.learn import figures
from effvit_compression.training.evaluate import as_batch
from effvit_ros.core.metrics import ConfusionMatrix
from effvit_ros.core.mistakes import false_alarms
from effvit_ros.core.tail import Tail
from effvit_ros.report.progress import steps

NEEDS = ('data', 'baseline', 'distill', 'prune', 'finetune', 'average')


class JudgedSet(NamedTuple):
    """
    A val set as the network sees it.

    ``table`` and ``names`` are what :func:`~effvit_compression.evaluation.reduction` gives;
    ``answers``: scores (classes, rows, columns) float16 and truth (H, W) uint8, of ``names``, of
    each picture.
    """

    table: np.ndarray
    names: Tuple[str, ...]
    answers: List[Tuple[np.ndarray, np.ndarray]]

    @property
    def shown(self) -> Set[str]:
        """Return the names that the truth holds."""
        ids = set().union(*(np.unique(truth) for _, truth in self.answers))
        return {name for index, name in enumerate(self.names) if index in ids}


def depends_on(recipe: Recipe) -> Optional[list]:
    """Return the section and the size of the input."""
    if recipe.offsets is None:
        return None
    return [recipe.offsets.model_dump(mode='json'), recipe.size]


def run(run: Run, place: Path) -> dict:
    """Find the offsets, add them to the network; return its figures and them by class."""
    net = load_model(run.place(run.student)).eval()
    names = run.recipe.class_set.names
    sets = [judged(run, net, source) for source in run.recipe.data if not source.flight]
    offsets = settle(sets, names, given(run.recipe.offsets))
    told = {name: float(offset) for name, offset in zip(names, offsets) if offset}
    run.say('offsets: ' + (', '.join(f'{name} {offset:+g}' for name, offset in told.items())
                           or 'none is better'))
    with torch.no_grad():
        given(net.head.bias).add_(torch.from_numpy(offsets))
    save_model(net, place)
    return {**figures(run, net), 'offsets': told}


@torch.inference_mode()
def judged(run: Run, net: SegmentationNet, source: Source) -> JudgedSet:
    """Ask the network about the val pictures of a source."""
    pictures = run.pictures(source, 'val')
    table, names = reduction(pictures.description.target.names, pictures.description.trusted)
    answers = []
    with steps(f'offsets, {pictures.description.name}/val', len(pictures)) as advance:
        for index in range(len(pictures)):
            image, truth = pictures[index]
            scores = net.features(as_batch(image, run.recipe.size))[1][0]
            answers.append((scores.numpy().astype(np.float16), table[truth]))
            advance()
    return JudgedSet(table, names, answers)


def settle(sets: Sequence[JudgedSet], names: Sequence[str], settings: Offsets) -> np.ndarray:
    """
    Move one class after the other up or down as long as that is better, and no set pays for it.

    :param names: of the classes in the order of the scores.
    :returns: (classes,) float32; 0 where no picture tells.
    """
    # One that no truth holds would take in what others lose, and no mIoU would tell.
    shown = set().union(*(judged_set.shown for judged_set in sets)) - set(settings.kept)
    offsets, moved = np.zeros(len(names), np.float32), True
    first = best = worth(sets, offsets, settings.false_alarms)
    while moved:
        moved = False
        for index in (names.index(name) for name in names if name in shown):
            before = offsets[index]
            for step in (settings.step, -settings.step):
                while abs(offsets[index] + step) <= settings.most:
                    tried = offsets.copy()
                    tried[index] += step
                    found = worth(sets, tried, settings.false_alarms)
                    if found.mean() <= best.mean() or (first - found).max() > settings.most_lost:
                        break
                    offsets, best, moved = tried, found, True
                if offsets[index] != before:
                    break  # the other way lies what was left just now
    return offsets


def worth(sets: Sequence[JudgedSet], offsets: np.ndarray, costs: Dict[str, float]) -> np.ndarray:
    """
    Return the mIoU on each set, less what false alarms cost there, (sets,) float.

    :param offsets: (classes,) float32, added to the scores.
    :param costs: class -> what its false share of the other pixels is multiplied by.
    """
    found = []
    for judged_set in sets:
        confusion = ConfusionMatrix(len(judged_set.names))
        for scores, truth in judged_set.answers:
            raised = scores.astype(np.float32) + offsets[:, None, None]
            labels = Tail(raised.shape[1:], truth.shape).labels(raised)
            confusion.update(truth, judged_set.table[labels])
        alarms = false_alarms(confusion.matrix, judged_set.names)
        found.append(confusion.miou - sum(
            cost * alarms.get(name, 0.0) for name, cost in costs.items()))
    return np.array(found)
