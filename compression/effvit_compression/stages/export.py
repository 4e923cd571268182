"""Assemble the bundle and score it as it will fly."""
from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any, List, Sequence

from effvit_compression.evaluation import evaluate_bundle
from effvit_compression.export.bundle import Description, score_entry, write_bundle
from effvit_compression.export.evidence import evidence, Lesson
from effvit_compression.export.origins import origins
from effvit_compression.export.price import RUNTIME
from effvit_compression.export.temperature import calibrated_temperature
from effvit_compression.export.views import record, section
from effvit_compression.models.store import load_model
from effvit_compression.pipeline import Run
from effvit_compression.recipe import Recipe
from effvit_compression.stages.quantize import variants
from effvit_compression.stages.teachers import answers_of
from effvit_ros.core.bundle import load_bundle

NEEDS = ('quantize',)


def depends_on(recipe: Recipe) -> Any:
    """Return the section and, where they are not LPCV's, the classes with their colours."""
    section = recipe.export.model_dump(mode='json')
    return section if recipe.class_set.is_lpcv else [section, recipe.class_set.as_fields()]


def run(run: Run, place: Path) -> dict:
    """Write the bundle into ``<place>/<name>``; return its scores and hashes."""
    recipe = run.recipe
    net = load_model(run.place(run.results['quantize']['student']))
    # Colours may have changed since it was trained.
    net.architecture = net.architecture.model_copy(update={'classes': recipe.class_set})
    learnt_from = origins((run.description(s) for s in recipe.data if s.share),
                          (model for _, model in recipe.with_models))

    def score(folder: Path) -> List[dict]:
        bundle = load_bundle(folder).preferring(RUNTIME, 'fp32')  # INT8 has a price of its own
        sets = [run.pictures(source, 'val') for source in recipe.data]
        return [score_entry(f'{pictures.description.name}/val', evaluate_bundle(
            bundle, pictures, only=pictures.description.trusted)) for pictures in sets]

    def calibrate(folder: Path) -> float:
        # Where only some classes are labelled by hand, the others would teach false certainty.
        sets = [run.pictures(source, 'val') for source in recipe.data]
        return calibrated_temperature(load_bundle(folder), chain.from_iterable(
            pictures for pictures in sets if not pictures.description.trusted))

    def views(folder: Path) -> dict:
        sources = [source for source in recipe.data if source.share]
        learnt, aside = (
            {run.description(source).name: run.pictures(source, split) for source in sources}
            for split in ('train', 'val'))
        return section(record(load_bundle(folder), learnt, aside))

    folder = write_bundle(
        net, variants(run), place / recipe.export.name, recipe.size,
        Description(recipe.export.name, tuple(learnt_from), recipe.export.story,
                    run.command or f'effvit-compress run {recipe.name}.yaml',
                    lambda scores: evidence(lessons(run), unseen(run, scores),
                                            recipe.class_set), recipe.as_written), score,
        calibrate, views)
    bundle = load_bundle(folder)
    return {'bundle': recipe.export.name, 'sha256': bundle.sha256,
            'scores': bundle.manifest['scores'],
            'bytes': bundle.graph_bytes}


def lessons(run: Run) -> List[Lesson]:
    """Return what was learnt from, set by set."""
    taught = bool({'distill', 'finetune'} & set(run.results))
    return [Lesson(run.pictures(source, 'train'), source.flight is not None, source.guesses,
                   answers_of(run, source, 'transformer' in run.results)
                   if taught and source.taught else None)
            for source in run.recipe.data if source.share]


def unseen(run: Run, scores: Sequence[dict]) -> List[dict]:
    """Return the scores on sets that were not trained on."""
    aside = {f'{run.description(source).name}/val'
             for source in run.recipe.data if not source.share}
    return [entry for entry in scores if entry['data'] in aside]
