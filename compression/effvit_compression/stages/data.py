"""Render the simulated flight where the recipe asks for it; look at the other datasets."""
from __future__ import annotations

from effvit_compression.data.description import load_description
from effvit_compression.progress import steps
from effvit_compression.recipe import Flight
from effvit_ros.flight.dataset import DatasetPlan, write_dataset

NEEDS = ()


#: Keys of a description that change nothing that is learnt.
ASIDE = {'root', 'licence', 'terms', 'source'}


def depends_on(recipe):
    """Return the sources, what their descriptions say, and their files' names and sizes."""
    return [[source.model_dump(mode='json'), *content(source)] for source in recipe.data]


def content(source):
    """Return a description and key and size of every file; no files where they are rendered."""
    description = load_description(source.dataset, source.root)
    files = [] if source.flight else [
        [split, pair.key, pair.image.stat().st_size, pair.label.stat().st_size]
        for split in description.splits for pair in description.pairs(split)]
    return description.model_dump(mode='json', exclude=ASIDE), files


def run(run, place):
    """Render what is missing; return the number of pictures by dataset and split."""
    counts = {}
    for source in run.recipe.data:
        if source.flight:
            render(source.flight, place / source.dataset.stem)
        description = run.description(source)
        counts[description.name] = {
            split: len(description.pairs(split)) for split in description.splits}
    return counts


def render(flight: Flight, folder) -> None:
    """Render the scenes of both splits; pictures that are there stay."""
    for split, seeds, frames in (('train', flight.train_seeds, flight.train_frames),
                                 ('val', flight.val_seeds, flight.val_frames)):
        plan = DatasetPlan(str(folder), range(seeds[0], seeds[1] + 1), frames, flight.size,
                           flight.size, split)
        with steps(f'render {split}', len(plan.seeds) * frames) as advance:
            write_dataset(plan, lambda done, total: advance())
