"""
What a candidate costs, by what its parts cost.

Trunk, block and decoder are measured once each, on maps of a small and of a large input, and
reckoned in between by the number of pixels: a candidate is the sum of its parts. What lies around
the graph (the picture's way in, the labels' way out) is the same for all.
"""
from __future__ import annotations

from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from effvit_compression.budget.candidates import Candidate


class Cost(NamedTuple):
    """Milliseconds, and 10^9 multiply-adds."""

    ms: float
    gmacs: float


class Part(NamedTuple):
    """A part of a network: ``option`` is the decoder's width or the block's depth."""

    kind: str
    encoder: str
    option: int
    cut: float
    precision: str


#: Sides of the input at which parts are measured.
Ends = Tuple[int, int]
#: (part, side of the input) -> what it costs there.
Costs = Mapping[Tuple[Part, int], Cost]


def parts_of(candidate: Candidate) -> List[Part]:
    """Return what a candidate consists of."""
    _, width, depth, cut, _, precision = candidate
    found = [Part('trunk', candidate.encoder, 0, cut, precision),
             Part('decoder', candidate.encoder, width, cut, precision)]
    if depth:  # its channels, and those of the map that it reads, are not cut
        found.append(Part('block', candidate.encoder, depth, 0.0, precision))
    return found


def between(ends: Ends, near: Cost, far: Cost, side: int) -> Cost:
    """Return the cost at a side, along a line over the number of pixels."""
    low, high = (end * end for end in ends)
    share = (side * side - low) / (high - low)
    return Cost(*(a + share * (b - a) for a, b in zip(near, far)))


def predict(candidate: Candidate, costs: Costs, ends: Ends, around_ms: float) -> Cost:
    """Return what a candidate should cost, from picture to labels."""
    parts = [between(ends, costs[part, ends[0]], costs[part, ends[1]], candidate.side)
             for part in parts_of(candidate)]
    return Cost(around_ms + sum(part.ms for part in parts), sum(part.gmacs for part in parts))


def frontier(predicted: Mapping[Candidate, Cost]) -> List[Candidate]:
    """
    Return the candidates than which no cheaper one computes as much, the cheapest first.

    Computing much is taken for being good, for want of a training. Of equals in that, full
    precision and uncut channels come first.
    """
    def order(candidate: Candidate) -> Tuple[float, float, bool, float]:
        cost = predicted[candidate]
        return cost.ms, -cost.gmacs, candidate.precision != 'fp32', candidate.cut

    best: List[Candidate] = []
    for candidate in sorted(predicted, key=order):
        if not best or predicted[candidate].gmacs > predicted[best[-1]].gmacs:
            best.append(candidate)
    return best


def all_parts(found: Iterable[Candidate]) -> List[Part]:
    """Return each part of any of them once."""
    return list(dict.fromkeys(part for candidate in found for part in parts_of(candidate)))


def near_budget(ladder: Sequence[Candidate], predicted: Mapping[Candidate, Cost], budget_ms: float,
                count: int) -> List[List[Candidate]]:
    """
    Return groups of the frontier's candidates in the order in which they are to be measured.

    The first group holds the one that should just fit, one that should not, and those below; each
    next one is cheaper.
    """
    fitting = sum(predicted[candidate].ms <= budget_ms for candidate in ladder)
    top = min(len(ladder), fitting + 1)
    groups = []
    while top > 0:
        groups.append(list(ladder[max(0, top - count):top]))
        top -= count
    return groups


def best_within(measured: Dict[Candidate, float], predicted: Mapping[Candidate, Cost],
                budget_ms: float) -> Optional[Candidate]:
    """Return the candidate that computes most of those that fit as measured, or None."""
    fitting = [candidate for candidate, ms in measured.items() if ms <= budget_ms]
    return max(fitting, key=lambda candidate: predicted[candidate].gmacs, default=None)
