"""What the training stages share: the mixture, the loop with its logs, the scores."""
from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Callable, Dict, Optional, Sequence, Union

import torch
from lightning_fabric import Fabric
from lightning_fabric.loggers import TensorBoardLogger

from effvit_compression import ranks
from effvit_compression.data.augment import Augmentation
from effvit_compression.data.mixture import Mixture, Part
from effvit_compression.losses.distillation import Distillation, DistillationSettings
from effvit_compression.losses.segmentation import SegmentationLoss
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.cost import gmacs, parameters
from effvit_compression.models.factory import build, SegmentationNet
from effvit_compression.models.frozen import Frozen
from effvit_compression.models.pretrained import load_pretrained, Pretrained
from effvit_compression.models.store import save_model
from effvit_compression.models.teacher_cache import CachedTeacher, fingerprint
from effvit_compression.pipeline import Run
from effvit_compression.recipe import given, Recipe
from effvit_compression.stages.teachers import answers_of
from effvit_compression.training.devices import fabric_on
from effvit_compression.training.evaluate import evaluate
from effvit_compression.training.loop import train
from effvit_compression.training.objective import Objective
from effvit_compression.training.settings import TrainingSettings
from effvit_ros.core.metrics import defined, per_class_table
from effvit_ros.core.mistakes import false_alarms
from effvit_ros.report.progress import steps

#: Share of the other pixels called a class from which on a curve names it.
LOUD = 0.005


def learn(run: Run, place: Path, net: SegmentationNet, training: TrainingSettings,
          teacher: Optional[SegmentationNet] = None,
          distillation: Optional[DistillationSettings] = None, drawn: int = 0,
          needed: Sequence[str] = (), shares: Optional[Dict[str, float]] = None) -> dict:
    """
    Train ``net`` (resuming), store its moving average in ``place``, return its figures.

    :param drawn: batches that it learnt from before.
    :param needed: stages that it may use: with ``transformer`` among them, that teaches, too.
    :param shares: of the crops by dataset, instead of the sources' own.
    """
    recipe = run.recipe
    fabric = fabric_on(run.devices, training.precision,
                       [TensorBoardLogger(place, name='log', version='')])
    torch.manual_seed(recipe.seed)  # of the adapters
    frozen = imitation = None
    if teacher is not None and distillation is not None:
        frozen = answers(run, teacher, distillation, fabric.device)
        imitation = Distillation(distillation, net.encoder.out_channels,
                                 teacher.encoder.out_channels)
    mixture = mixture_of(run, fabric.global_rank, drawn, distillation is not None,
                         transformer='transformer' in needed, shares=shares)
    pixels = mixture.pixels if recipe.loss.balance else None
    loss = SegmentationLoss(recipe.loss, pixels, recipe.class_set)
    objective = Objective(net, loss, frozen, imitation,
                          distillation.answers if distillation else 0.0, training.loss_stride)
    with steps(place.name, training.iterations, quiet=not ranks.is_first()) as advance, \
            contextlib.closing(Progress(fabric, advance)) as progress:
        student = train(objective, mixture, training, place, fabric, progress,
                        lambda average, done: look_in(run, place, average, done))
    ranks.on_rank_zero(lambda: save_model(student, place))
    return figures(run, student)


def mixture_of(run: Run, rank: int = 0, drawn: int = 0, taught: bool = False,
               transformer: bool = False, stretch: int = 0,
               augmentation: Optional[Augmentation] = None,
               shares: Optional[Dict[str, float]] = None) -> Mixture:
    """
    Return what a process trains on; of its batches ``drawn`` were used before.

    :param taught: with what ``teachers`` said of the pictures.
    :param transformer: with what the transformer said of them, too.
    :param stretch: side of the whole picture at zoom 1, instead of the deployed one.
    :param augmentation: instead of the recipe's and the sources' own.
    :param shares: of the crops by dataset, instead of the sources' own.
    :raises UserError: ``shares`` names a dataset that is not trained on.
    """
    recipe, shares = run.recipe, shares or {}
    names = {run.description(source).name for source in recipe.data if source.share}
    for name in sorted(set(shares) - names):
        ranks.refuse(f'shares names {name!r}; trained on are {", ".join(sorted(names))}')
    parts = [Part(run.pictures(source, 'train'),
                  shares.get(run.description(source).name, source.share), source.taught,
                  augmentation or source.augmentation, source.guesses,
                  answers_of(run, source, transformer) if taught and source.taught else None)
             for source in recipe.data if source.share]
    pasting = (recipe.pasted, recipe.paste.chance) if recipe.paste else ()
    return Mixture(parts, stretch or recipe.size, recipe.augmentation, recipe.rare, recipe.seed,
                   rank, drawn, recipe.class_set, *pasting)


def look_in(run: Run, place: Path, average: SegmentationNet, done: int) -> None:
    """Score the moving average in the middle of a training; keep it in ``curve.jsonl``."""
    found = figures(run, average)['scores']
    run.say(f'{place.name} {done}: ' + ', '.join(
        f'{name} {entry["miou"]:.3f}' + told_alarms(entry['false_alarms'])
        for name, entry in found.items()))
    if ranks.is_first():
        with open(place / 'curve.jsonl', 'a', encoding='utf-8') as file:
            file.write(json.dumps({'iteration': done, 'scores': found}) + '\n')


def batches(recipe: Recipe, cuts: int) -> int:
    """Return how many batches a student has learnt from when it is cut for the nth time."""
    first = given(recipe.distill or recipe.baseline)
    between = given(given(recipe.prune).training).iterations if cuts > 1 else 0
    return first.training.iterations + between * max(0, cuts - 1)


def answers(run: Run, teacher: SegmentationNet, distillation: DistillationSettings,
            device: torch.device) -> Union[Frozen, CachedTeacher]:
    """Return the teacher, or what it said before where the recipe wants that kept."""
    settings = given(run.recipe.teacher)
    if not settings.cache:
        return Frozen(teacher, device)
    return CachedTeacher(
        lambda: Frozen(teacher, device), fingerprint(teacher),
        settings.cache_folder or run.folder / 'teacher_cache', distillation.levels,
        settings.cache_gb * 1e9, run.say)


def initial_network(run: Run, architecture: Architecture,
                    pretrained: Pretrained) -> SegmentationNet:
    """Build a network with its first weights: random by the recipe's seed, or pretrained."""
    torch.manual_seed(run.recipe.seed)
    net = build(architecture.model_copy(update={'classes': run.recipe.class_set}))
    load_pretrained(net, pretrained, run.say)
    return net


def told_alarms(shares: Dict[str, float]) -> str:
    """Name the classes that much else is taken for, with the share of it."""
    loud = [f'{name} {share:.1%}' for name, share in shares.items() if share > LOUD]
    return f' (falsely {", ".join(loud)})' if loud else ''


class Progress:
    """Passes the loop's figures to TensorBoard and moves the bar on."""

    def __init__(self, fabric: Fabric, advance: Callable[[int], None]):
        self._fabric = fabric
        self._advance = advance
        self._done = 0

    def __call__(self, iteration: int, values: dict) -> None:
        """Log the figures of an iteration."""
        self._fabric.log_dict(values, step=iteration)
        self._advance(iteration - self._done)
        self._done = iteration

    def close(self) -> None:
        """Write what TensorBoard still holds."""
        self._fabric.logger.finalize('success')


def figures(run: Run, net: SegmentationNet) -> dict:
    """Size, cost and, for each source's val pictures, the scores of a network, by rank 0."""
    return ranks.on_rank_zero(lambda: figures_here(run, net.eval()))


@torch.no_grad()
def figures_here(run: Run, net: SegmentationNet) -> dict:
    """Measure them in this process."""
    scores = {}
    for source in run.recipe.data:
        pictures = run.pictures(source, 'val')
        confusion, dice, names = evaluate(net, pictures, run.recipe.size)
        scores[pictures.description.name] = {
            'miou': defined(confusion.miou),
            'mdice_lpcv': defined(dice.mean) if run.recipe.class_set.is_lpcv else None,
            'classes_present': confusion.classes_present, 'n_images': len(pictures),
            'per_class': per_class_table(confusion, names),
            'false_alarms': false_alarms(confusion.matrix, names)}
    return {'parameters': parameters(net), 'gmacs': gmacs(net, run.recipe.size),
            'scores': scores}
