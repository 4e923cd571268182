"""
Which frames to label: those that stand for many of which the network is unsure; no blur.

A greedy choice of medoids: the frames from which the others are near (facility location), each
weighted by how unsure and strange it is. Frames at the edge, which a choice of the farthest (the
core-set of arXiv 1708.00489) takes first, teach little while labels are few (arXiv 2202.02794).
"""
from __future__ import annotations

from typing import Callable, List, NamedTuple, Sequence, Tuple

import numpy as np

from effvit_ros.labeling.candidates import Candidate

#: Of the bag's median sharpness, below which a frame is blurred.
BLURRED = 0.3
#: Mean grey outside of which a frame is too dark or too bright to be labelled.
LIGHT = (12.0, 243.0)
#: Distance of looks below which two frames show the same, relative to the median one.
SAME = 0.1
#: What each reason weighs; a frame that the network is sure of counts KNOWN.
KNOWN, DOUBT, STRANGE, RARE = 0.3, 1.0, 1.0, 0.6
#: Of how many frames, at most, it is asked how well they are stood for: this bounds the memory.
MOST_STOOD_FOR = 2000


class Chosen(NamedTuple):
    """A frame (its position in the candidates) and why it is to be labelled."""

    position: int
    reason: str


class Choice(NamedTuple):
    """What was chosen, best first, and how many were passed over as (reason, number)."""

    chosen: List[Chosen]
    passed_over: List[Tuple[str, int]]


def choose(candidates: Sequence[Candidate], names: Sequence[str], count: int) -> Choice:
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
    frames = [candidates[i] for i in usable.tolist()]
    looks = np.stack([frame.look for frame in frames])
    doubts = ranks(np.array([frame.doubt for frame in frames]))
    weight = KNOWN + DOUBT * doubts + STRANGE * np.array([frame.strangeness for frame in frames])
    stood_for = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), MOST_STOOD_FOR)
                                      ).round().astype(int))
    distances = apart(looks, looks[stood_for])
    nearest = distances.max(axis=0)
    shown = np.stack([frame.shares for frame in frames]) > 0
    rarity = rare(shown)
    same, near_in_time = SAME * spread(looks), too_near_in_time(frames, count)
    free = np.ones(len(frames), bool)
    chosen: List[Chosen] = []
    while len(chosen) < count and free.any():
        gains = np.maximum(nearest - distances, 0) @ weight[stood_for] * weight
        worth = gains / max(gains.max(), 1e-9) + RARE * (shown * rarity).sum(axis=1)
        best = int(np.argmax(np.where(free, worth, -1)))
        share = float(np.mean(distances[best] < nearest - 1e-6))
        chosen.append(Chosen(int(usable[best]), reason(
            frames[best], share, doubts[best], shown[best] * rarity, names)))
        nearest = np.minimum(nearest, distances[best])
        rarity = np.where(shown[best], rarity / 2, rarity)
        free &= (np.linalg.norm(looks - looks[best], axis=1) > same) & ~near_in_time(best)
        free[best] = False
    passed.append(('like a chosen one', int(len(frames) - len(chosen) - free.sum())))
    return Choice(chosen, passed)


def sharp_enough(candidates: Sequence[Candidate]) -> np.ndarray:
    """Say for each whether it is about as sharp as its bag's frames are."""
    bags = np.array([c.bag for c in candidates])
    sharpness = np.array([c.sharpness for c in candidates])
    medians = {bag: np.median(sharpness[bags == bag]) for bag in set(bags.tolist())}
    return np.array([s >= BLURRED * medians[b] for s, b in zip(sharpness, bags.tolist())])


def ranks(values: np.ndarray) -> np.ndarray:
    """Return 0..1 by order: the smallest 0, the largest 1, equal ones alike."""
    below = (values[:, None] > values[None]).sum(axis=1)
    return below / max(1, len(values) - 1)


def rare(shown: np.ndarray) -> np.ndarray:
    """
    Return for each class what a first frame of it is worth, (n,), all together 1.

    :param shown: (frames, n) bool. The fewer frames show a class, the more it is worth; those
        that all or none show are worth nothing.
    """
    frequency = shown.mean(axis=0)
    worth = np.where(frequency > 0, 1 - frequency, 0)
    return worth / max(worth.sum(), 1e-9)


def apart(looks: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the distances of looks (n, d) from others (m, d): (n, m) float32."""
    squares = (looks ** 2).sum(axis=1)[:, None] + (others ** 2).sum(axis=1) - 2 * looks @ others.T
    return np.sqrt(np.maximum(squares, 0)).astype(np.float32)


def spread(looks: np.ndarray) -> float:
    """Return the median distance of looks from their middle, doubled: that of two frames."""
    middle = np.median(looks, axis=0)
    return max(2 * float(np.median(np.linalg.norm(looks - middle, axis=1))), 1e-6)


def too_near_in_time(candidates: Sequence[Candidate], count: int
                     ) -> Callable[[int], np.ndarray]:
    """Give a function: which frames are too near in time to the one at a position."""
    bags = np.array([c.bag for c in candidates])
    stamps = np.array([c.stamp_ns for c in candidates], np.int64)
    # All of the time there is, shared out evenly, would leave no choice: a quarter of it.
    whole = sum(int(np.ptp(stamps[bags == bag])) for bag in set(bags.tolist()))
    least = whole / max(1, count) / 4

    def near(position: int) -> np.ndarray:
        return (bags == bags[position]) & (np.abs(stamps - stamps[position]) < least)
    return near


def reason(candidate: Candidate, share: float, doubt: float, rarity: np.ndarray,
           names: Sequence[str]) -> str:
    """
    Return in words what made a frame worth labelling.

    :param share: of the frames, for which it stands better than those chosen before.
    :param doubt: its rank by doubt, 0..1.
    :param rarity: of the classes that it shows, what another frame of them is worth.
    """
    rarest = int(rarity.argmax())
    parts = [
        (DOUBT * doubt, f'unsure of {candidate.doubt:.0%} of it'),
        (STRANGE * candidate.strangeness, 'unlike what the model was trained on'),
        (float(rarity[rarest]) * len(names),
         f'shows {names[rarest]} ({candidate.shares[rarest]:.1%}), which few frames do')]
    strong = [text for worth, text in sorted(parts, reverse=True) if worth >= 0.3]
    return '; '.join([*strong, f'stands for {share:.0%} of the frames'])
