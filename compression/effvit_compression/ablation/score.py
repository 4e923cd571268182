"""Score the graph that a row is about, the narrowest one of its bundle, as it will fly."""
from __future__ import annotations

from pathlib import Path

from effvit_compression.evaluation import evaluate_bundle
from effvit_compression.pipeline import Run
from effvit_compression.recipe import Recipe
from effvit_compression.reporting.costs import in_precision
from effvit_ros.core.bundle import Bundle, CPU_RUNTIMES, load_bundle, PRECISIONS

NEEDS = ('export',)


def depends_on(recipe: Recipe) -> list:
    """Return nothing of its own: the bundle decides."""
    return []


def run(run: Run, place: Path) -> dict:
    """Score on every val set; return the scores and the graph's precision and size."""
    bundle = narrowest(load_bundle(run.place('export') / run.recipe.export.name))
    graph = bundle.graph_for(CPU_RUNTIMES[0])
    scores = {}
    for source in run.recipe.data:
        pictures = run.pictures(source, 'val')
        scores[pictures.description.name] = evaluate_bundle(
            bundle, pictures, only=pictures.description.trusted).as_dict()
    return {'precision': graph.precision, 'bytes': len(graph.read()), 'scores': scores}


def narrowest(bundle: Bundle) -> Bundle:
    """Return the bundle with its graph of the fewest bits preferred on CPUs."""
    present = {graph.precision for graph in bundle.graphs if graph.io == 'uint8'}
    return in_precision(bundle, max(present, key=PRECISIONS.index))
