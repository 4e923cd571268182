"""Which pictures are held out: whole flights, or the end of each, never every k-th frame."""
from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Sequence, Tuple

#: Share of the pictures that are held out, about.
SHARE = 0.2
#: From so many flights on, whole ones are held out.
FLIGHTS = 3


class Moment(NamedTuple):
    """Where a picture belongs: its flight, and its place in it (a stamp or a frame's number)."""

    flight: str
    time: int


def moment_of(stem: str) -> Moment:
    """
    Read a picture's name: the last number in it is its time, what is before it its flight.

    Endings that Roboflow adds (``.rf.0123abc``) and a copy's ``_mask`` say nothing.
    """
    stem = re.sub(r'(_jpe?g|_png)?\.rf\.[0-9a-fA-F]+$', '', stem)
    match = re.match(r'(.*?)(\d+)\D*$', stem)
    return Moment(match.group(1).rstrip('_-. '), int(match.group(2))) if match else Moment(stem, 0)


def held_out(stems: Sequence[str]) -> List[bool]:
    """
    Say for each picture whether it is held out: about ``SHARE`` of them.

    With three flights or more whole flights are; with fewer the last part of each, cut where the
    largest pause in time is, so that the pictures on both sides of the cut differ most.
    """
    moments = [moment_of(stem) for stem in stems]
    flights: Dict[str, List[int]] = {}
    for index in sorted(range(len(stems)), key=lambda i: moments[i]):
        flights.setdefault(moments[index].flight, []).append(index)
    lengths = [len(indices) for indices in flights.values()]
    if len(flights) >= FLIGHTS and max(lengths) < (1 - SHARE) * len(stems):
        chosen = whole_flights(flights, SHARE * len(stems))
    else:
        chosen = [index for indices in flights.values() for index in last_part(indices, moments)]
    return [index in set(chosen) for index in range(len(stems))]


def whole_flights(flights: Dict[str, List[int]], wanted: float) -> List[int]:
    """Return the pictures of flights that are nearest to ``wanted`` together, small ones first."""
    chosen: List[int] = []
    for _, indices in sorted(flights.items(), key=lambda item: (len(item[1]), item[0])):
        if not chosen or abs(len(chosen) + len(indices) - wanted) < abs(len(chosen) - wanted):
            chosen += indices
    return chosen


def last_part(indices: List[int], moments: Sequence[Moment]) -> List[int]:
    """Return the end of a flight, cut at the largest pause about where its last fifth begins."""
    count = len(indices)
    if count < 2:
        return []
    middle, reach = count * (1 - SHARE), max(1, round(count * SHARE / 2))
    cuts: List[Tuple[int, float, int]] = []
    for cut in range(max(1, round(middle) - reach), min(count - 1, round(middle) + reach) + 1):
        pause = moments[indices[cut]].time - moments[indices[cut - 1]].time
        cuts.append((-pause, abs(cut - middle), cut))
    return indices[min(cuts)[2]:]
