"""Find the candidate that fits: parts measured once, the likely ones then measured whole."""
from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from effvit_compression.budget.candidates import Candidate
from effvit_compression.budget.cost_model import (
    all_parts,
    best_within,
    Cost,
    Costs,
    Ends,
    frontier,
    near_budget,
    Part,
    predict,
)
from effvit_compression.budget.pieces import (
    CALIBRATE,
    clock_for,
    cost_of,
    network,
    PERCENT,
    piece,
)
from effvit_compression.budget.times import Times
from effvit_compression.export.graph import export_graph
from effvit_compression.export.int8 import calibrated
from effvit_compression.models.factory import SegmentationNet
from effvit_compression.peers.bundles import flight_pictures, write_graphs
from effvit_compression.profiling.latency import side_by_side
from effvit_ros.core.bundle import load_bundle, resolve_model
from effvit_ros.core.classes import ClassSet
from effvit_ros.core.percentiles import percentiles
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.report.progress import steps

#: How many of the frontier are measured whole at a time, in turns, and how often each.
CHECKED, ROUNDS = 3, 20
#: Pictures of the simulated flight, 512x512, by which the time around a graph is measured.
PICTURES, PICTURE_SIDE = 8, 512


class Found(NamedTuple):
    """
    A search's outcome.

    :ivar ladder: the frontier, the cheapest first; ``predicted`` has all candidates.
    :ivar measured: milliseconds from picture to labels of those that were measured whole.
    :ivar chosen: None where nothing fits.
    :ivar around_ms: of each of these times, what is spent around the graph.
    """

    ladder: List[Candidate]
    predicted: Dict[Candidate, Cost]
    measured: Dict[Candidate, float]
    chosen: Optional[Candidate]
    around_ms: float


def search(choices: Sequence[Candidate], budget_ms: float, times: Times, runtime: str,
           threads: int, classes: ClassSet) -> Found:
    """
    Return the candidate that computes most within the budget, and what was seen on the way.

    :param times: filled with what is measured.
    """
    around_ms = times.around_ms
    if around_ms is None:
        around_ms = times.around_ms = around(runtime, threads)
    sides = [choice.side for choice in choices]
    ends = min(sides), max(sides)
    costs = measure_parts(choices, ends, times, runtime, threads, classes)
    predicted = {choice: predict(choice, costs, ends, around_ms) for choice in choices}
    ladder = frontier(predicted)
    chosen = None
    for group in near_budget(ladder, predicted, budget_ms, CHECKED):
        measure_whole(group, times, runtime, threads, classes)
        measured = {choice: around_ms + ms for choice in ladder
                    if (ms := times.whole(choice)) is not None}
        chosen = best_within(measured, predicted, budget_ms)
        if chosen:
            break
    return Found(ladder, predicted, measured, chosen, around_ms)


def around(runtime: str, threads: int) -> float:
    """Return the median ms around the default bundle's graph: picture in, labels out."""
    taken, clock = [], clock_for(threads)
    with Segmenter(load_bundle(resolve_model('')), runtime, threads) as segmenter:
        for picture in 2 * flight_pictures(PICTURE_SIDE, PICTURES):
            start = clock()
            segmenter.segment(picture, 'rgb')
            labelled = clock()
            segmenter.runtime.infer()
            taken.append(1e3 * (2 * labelled - start - clock()))
    return percentiles(taken, (50,))[0]


def measure_parts(choices: Sequence[Candidate], ends: Ends, times: Times, runtime: str,
                  threads: int, classes: ClassSet) -> Costs:
    """Measure the parts that are not known yet, on inputs of both sides; return all."""
    wanted = [(part, side) for part in all_parts(choices) for side in ends]
    missing = [(part, side) for part, side in wanted if times.part(part, side) is None]
    if missing:
        measure_missing(missing, choices[0].width, times, runtime, threads, classes)
    return {(part, side): cost for part, side in wanted
            if (cost := times.part(part, side)) is not None}


def measure_missing(missing: Sequence[Tuple[Part, int]], decoder: int, times: Times, runtime: str,
                    threads: int, classes: ClassSet) -> None:
    """Measure parts; ``decoder``: a width of it, for the networks of the other parts."""
    nets: Dict[tuple, SegmentationNet] = {}
    with steps('measure parts', len(missing)) as advance:
        for part, side in missing:
            width = part.option if part.kind == 'decoder' else decoder
            build = part.encoder, width, part.cut
            if build not in nets:
                nets = {build: network(Candidate(part.encoder, width, 0, part.cut, side, ''),
                                       classes)}
            made = piece(part, nets[build], side)
            times.put_part(part, side, cost_of(made, part.precision, runtime, threads))
            advance()


def measure_whole(group: Sequence[Candidate], times: Times, runtime: str, threads: int,
                  classes: ClassSet) -> None:
    """Measure the graphs of those that are not known yet, in turns."""
    missing = [choice for choice in group if times.whole(choice) is None]
    if not missing:
        return
    bundles = {}
    with tempfile.TemporaryDirectory() as place:
        with steps('build whole networks', len(missing)) as advance:
            for number, choice in enumerate(missing):
                graph = export_graph(network(choice, classes), choice.side)
                if choice.precision == 'int8':
                    noise = np.random.default_rng(0).integers(
                        0, 256, (CALIBRATE, 1, choice.side, choice.side, 3), np.uint8)
                    graph = calibrated(graph, [{graph.graph.input[0].name: picture}
                                               for picture in noise], hushed=True)
                bundles[choice] = write_graphs(
                    {choice.precision: graph}, choice.name, Path(place) / str(number),
                    choice.side, classes).preferring(runtime, choice.precision)
                advance()
        found = side_by_side(bundles, [runtime], ROUNDS, threads, PERCENT,
                             clock_for(threads))
    for choice in missing:
        times.put_whole(choice, found[choice, runtime])
