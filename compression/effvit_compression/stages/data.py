"""Render the simulated flight where the recipe asks for it; read every picture once."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Tuple

from effvit_compression.data.check import check_split
from effvit_compression.data.description import DatasetDescription, load_description
from effvit_compression.pipeline import Run
from effvit_compression.recipe import Flight, Recipe, Source
from effvit_ros.core.bundle import sha256_of
from effvit_ros.core.classes import ClassSet
from effvit_ros.core.errors import UserError
from effvit_ros.flight.dataset import DatasetPlan, write_dataset
from effvit_ros.report.progress import steps

NEEDS = ()


#: Keys of a description that change nothing that is learnt.
ASIDE = {'root', 'licence', 'terms', 'source'}
#: Keys of a source that say what there is; the others say how it is learnt from.
HERE = {'dataset', 'root', 'flight'}


def depends_on(recipe: Recipe) -> list:
    """
    Return the sources, what their descriptions say, and their files' names and sizes.

    :raises UserError: files are missing, or two sources can't be told apart.
    """
    check_names(recipe)
    sources = [[source.model_dump(mode='json', include=HERE), source.share > 0,
                *content(source, recipe.class_set)] for source in recipe.data]
    return sources if recipe.class_set.is_lpcv else [sources, recipe.class_set.names]


def content(source: Source, classes: ClassSet) -> Tuple[Dict[str, Any], list]:
    """
    Return a description and key and size of every file; no files where they are rendered.

    :raises UserError: a split is missing that is trained on or scored, or files are.
    """
    description = load_description(source.dataset, source.root, classes)
    for split in wanted(source):
        description.check_split(split)
    files = [] if source.flight else [
        [split, pair.key, pair.image.stat().st_size, pair.label.stat().st_size]
        for split in description.splits for pair in description.pairs(split)]
    return description.model_dump(mode='json', exclude=ASIDE), files


def wanted(source: Source) -> List[str]:
    """Return the splits that a run reads."""
    return ['train', 'val'] if source.share else ['val']


def check_names(recipe: Recipe) -> None:
    """Refuse two sources of one name: scores go by it; :raises UserError: there are such."""
    names = [load_description(source.dataset, source.root, recipe.class_set).name
             for source in recipe.data]
    folders = [source.dataset.stem for source in recipe.data if source.flight]
    for listed, what in ((names, 'datasets named'), (folders, 'rendered flights of files named')):
        for name in listed:
            if listed.count(name) > 1:
                raise UserError(f'data: two {what} {name}: copy the description of one and give '
                                'it another name')


def run(run: Run, place: Path) -> dict:
    """
    Render what is missing, read everything; return the number of pictures by dataset and split.

    :raises UserError: pictures can't be read or learnt from: that is not left to the hour in which
        they are drawn.
    """
    counts, recipe = {}, run.recipe
    for source in recipe.data:
        if source.flight:
            render(source.flight, place / source.dataset.stem)
        description = run.description(source)
        for split in wanted(source):
            taught = source.taught and bool(recipe.teacher or recipe.teachers)
            check(description, split, taught)
        check_apart(description)
        counts[description.name] = {
            split: len(description.pairs(split)) for split in description.splits}
    return counts


def check_apart(description: DatasetDescription) -> None:
    """Refuse pictures that are trained on and scored; :raises UserError: there is one."""
    seen: Dict[str, Tuple[str, Path]] = {}
    for split in ('train', 'val'):
        if split not in description.splits:
            continue
        for pair in description.pairs(split):
            digest = sha256_of(pair.image)
            other = seen.setdefault(digest, (split, pair.image))
            if other[0] != split:
                raise UserError(f'dataset {description.name}: {pair.image} of {split} is the same '
                                f'picture as {other[1]} of {other[0]}: scores would be those of '
                                'pictures that were learnt: remove one')


def check(description: DatasetDescription, split: str, taught: bool) -> None:
    """Read a split; :raises UserError: with the first problem, or nobody says what is in it."""
    with steps(f'check {description.name}/{split}', description.count(split)) as advance:
        found = check_split(description, split, advance, alone=False)
    if found.problems:
        more = len(found.problems) - 1
        raise UserError(found.problems[0] + (f' (and {more} more problems: effvit-compress data '
                                             'lists them)' if more else ''))
    if not found.pixels.any() and not (taught and split == 'train'):
        raise UserError(f'dataset {description.name}: not one labelled pixel in {split}')


def render(flight: Flight, folder: Path) -> None:
    """Render the scenes of both splits; pictures that are there stay."""
    for split, seeds, frames in (('train', flight.train_seeds, flight.train_frames),
                                 ('val', flight.val_seeds, flight.val_frames)):
        plan = DatasetPlan(str(folder), range(seeds[0], seeds[1] + 1), frames, flight.size,
                           flight.size, split)
        with steps(f'render {split}', len(plan.seeds) * frames) as advance:
            write_dataset(plan, lambda done, total: advance())
