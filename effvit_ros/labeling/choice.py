"""
Which frames to label: unsure, new and strange ones, rare classes; no blur, no near-duplicates.

A greedy choice: what adds most to those already chosen comes next. Farthest-first by
looks is the core-set of Sener & Savarese (arXiv 1708.00489); doubt and rarity are added to it.
"""
from __future__ import annotations

from typing import List, NamedTuple, Sequence, Tuple

import numpy as np

#: Of the bag's median sharpness, below which a frame is blurred.
BLURRED = 0.3
#: Mean grey outside of which a frame is too dark or too bright to be labelled.
LIGHT = (12.0, 243.0)
#: Distance of looks below which two frames show the same, relative to the median one.
SAME = 0.1
#: What each reason weighs.
DOUBT, NEW, STRANGE, RARE = 1.0, 1.0, 1.0, 0.6


class Chosen(NamedTuple):
    """A frame (its position in the candidates) and why it is to be labelled."""

    position: int
    reason: str


class Choice(NamedTuple):
    """What was chosen, best first, and how many were passed over as (reason, number)."""

    chosen: List[Chosen]
    passed_over: List[Tuple[str, int]]


def choose(candidates, names, count) -> Choice:
    """
    Choose frames to label.

    :param candidates: of :func:`effvit_ros.labeling.candidates.measure`.
    :param names: of the classes.
    :param count: how many, fewer where there are not so many that differ.
    """
    sharp = sharp_enough(candidates)
    lit = np.array([LIGHT[0] <= c.light <= LIGHT[1] for c in candidates])
    usable = np.flatnonzero(sharp & lit)
    passed = [('blurred', int((~sharp).sum())), ('too dark or bright', int((sharp & ~lit).sum()))]
    if not usable.size:
        return Choice([], passed)
    looks = np.stack([candidates[i].look for i in usable])
    shares = np.stack([candidates[i].shares for i in usable])
    doubts = ranks(np.array([candidates[i].doubt for i in usable]))
    rarity, rarest = rare(shares)
    scale = spread(looks)
    strange = np.array([candidates[i].strangeness for i in usable])
    distance = np.full(len(usable), np.inf)
    apart = far_in_time([candidates[i] for i in usable], count)
    free = np.ones(len(usable), bool)
    chosen: List[Chosen] = []
    while len(chosen) < count and free.any():
        new = np.minimum(distance / scale, 1) if np.isfinite(distance).any() else np.ones(
            len(usable))
        worth = DOUBT * doubts + NEW * new + STRANGE * strange + RARE * rarity
        best = int(np.argmax(np.where(free, worth, -1)))
        chosen.append(Chosen(int(usable[best]), reason(
            candidates[usable[best]], doubts[best], new[best], rarity[best], names,
            rarest[best], bool(chosen))))
        distance = np.minimum(distance, np.linalg.norm(looks - looks[best], axis=1))
        free &= (distance > SAME * scale) & ~apart(best)
        free[best] = False
    passed.append(('like a chosen one', int(len(usable) - len(chosen) - free.sum())))
    return Choice(chosen, passed)


def sharp_enough(candidates) -> np.ndarray:
    """Say for each whether it is about as sharp as its bag's frames are."""
    bags = np.array([c.bag for c in candidates])
    sharpness = np.array([c.sharpness for c in candidates])
    medians = {bag: np.median(sharpness[bags == bag]) for bag in set(bags.tolist())}
    return np.array([s >= BLURRED * medians[b] for s, b in zip(sharpness, bags.tolist())])


def ranks(values) -> np.ndarray:
    """Return 0..1 by order: the smallest 0, the largest 1, equal ones alike."""
    below = (values[:, None] > values[None]).sum(axis=1)
    return below / max(1, len(values) - 1)


def rare(shares) -> Tuple[np.ndarray, np.ndarray]:
    """
    Return for each frame 0..1 how rare its rarest class is among the frames, and that class.

    A class counts as rare as the share of frames that show it is small.
    """
    shown = shares > 0
    frequency = shown.mean(axis=0)
    worth = np.where(shown, 1 - frequency, -1)
    rarest = worth.argmax(axis=1)
    return np.clip(worth.max(axis=1), 0, 1), rarest


def spread(looks) -> float:
    """Return the median distance of looks from their middle, doubled: that of two frames."""
    middle = np.median(looks, axis=0)
    return max(2 * float(np.median(np.linalg.norm(looks - middle, axis=1))), 1e-6)


def far_in_time(candidates: Sequence, count: int):
    """Give a function: which frames are too near in time to the one at a position."""
    bags = np.array([c.bag for c in candidates])
    stamps = np.array([c.stamp_ns for c in candidates], np.int64)
    # All of the time there is, shared out evenly, would leave no choice: a quarter of it.
    whole = sum(int(np.ptp(stamps[bags == bag])) for bag in set(bags.tolist()))
    least = whole / max(1, count) / 4

    def near(position):
        return (bags == bags[position]) & (np.abs(stamps - stamps[position]) < least)
    return near


def reason(candidate, doubt, new, rarity, names, rarest, others) -> str:
    """Return in words what made a frame worth labelling, the strongest first."""
    share = candidate.shares[rarest]
    parts = [
        (DOUBT * doubt, f'unsure of {candidate.doubt:.0%} of it'),
        (NEW * new if others else 0, 'unlike those chosen before'),
        (STRANGE * candidate.strangeness, 'unlike what the model was trained on'),
        (RARE * rarity, f'shows {names[rarest]} ({share:.1%}), which few frames do')]
    strong = [text for worth, text in sorted(parts, reverse=True) if worth >= 0.3]
    return '; '.join(strong) or 'fills a gap in time'
