"""
How pictures look to a network, in a few numbers: tells views it was trained on from others.

The numbers are taken from what a frame's way leaves lying about, the picture at the network's own
size and the scores of its graph, both on coarse grids. What training sets looked like is recorded
in a bundle's manifest (``views``) with the same function that looks at frames in flight.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from effvit_ros.core.errors import UserError

#: Every so manieth point of the scores' grid, and pixel of the network's input, is looked at.
SCORES_STEP, PIXELS_STEP = 4, 8
#: What is told of a picture, in the order of :func:`look`, and how a lower and a higher value are
#: put into words.
WORDS = {
    'confidence': ('less sure', 'surer'),
    'borders': ('fewer borders between classes', 'more borders between classes'),
    'light': ('darker', 'brighter'),
    'contrast': ('less contrast', 'more contrast'),
    'saturation': ('paler colours', 'stronger colours'),
    'warmth': ('bluer', 'redder'),
    'green': ('less green', 'greener'),
    'detail': ('less detail', 'more detail'),
    'sharpness': ('more blurred', 'sharper'),
}
FEATURES = tuple(WORDS)
#: A set of pictures that are all alike is given at least this share of the spread of all sets.
LEAST_SPREAD = 0.3
#: Pictures of a flight that differ as much as so many that were drawn by chance stand for it.
DRAWN = 10
#: Draws, and the share of them that stays below a limit.
DRAWS, KEPT = 2000, 0.99
#: Quantiles of the distance that are recorded.
QUANTILES = (0.5, 0.95, 0.99)


def look(scores: np.ndarray, pixels: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """
    Return a picture's numbers, (features,) float32, as :data:`FEATURES` names them.

    :param scores: (classes, rows, columns) float32, the network's own.
    :param pixels: (H, W, 3) uint8 RGB, the network's input.
    :param temperature: of the bundle's confidence.
    """
    return np.array(_certainty(scores, temperature) + _appearance(pixels), np.float32)


def _certainty(scores: np.ndarray, temperature: float) -> List[float]:
    some = np.ascontiguousarray(scores[:, ::SCORES_STEP, ::SCORES_STEP])
    winners = some.argmax(axis=0)
    some -= some.max(axis=0)
    some /= np.float32(temperature)
    confidence = (1 / np.exp(some, out=some).sum(axis=0)).mean()
    borders = [np.mean(winners[:, 1:] != winners[:, :-1]) if winners.shape[1] > 1 else 0.0,
               np.mean(winners[1:] != winners[:-1]) if winners.shape[0] > 1 else 0.0]
    return [confidence, sum(borders) / 2]


def _appearance(pixels: np.ndarray) -> List[float]:
    rows = pixels[::PIXELS_STEP]
    # Planes: numpy is slow along an axis of three.
    red, green, blue = np.float32(1 / 255) * rows[:, ::PIXELS_STEP].transpose(2, 0, 1)
    grey = (red + green + blue) / 3
    highest = np.maximum(np.maximum(red, green), blue)
    lowest = np.minimum(np.minimum(red, green), blue)
    # Along whole rows: what lies between the sampled pixels tells of blur.
    line = rows[..., 1].astype(np.int16)
    step = min(PIXELS_STEP, line.shape[1] - 1)
    near = np.abs(line[:, 1:] - line[:, :-1]).mean() / 255 if step else 0.0
    far = np.abs(line[:, step:] - line[:, :-step]).mean() / 255 if step else 0.0
    return [grey.mean(), grey.std(), (highest - lowest).mean(), (red - blue).mean(),
            (green - (red + blue) / 2).mean(), np.log(near + 1e-3), near / (far + 1e-3)]


class TrainingSet(NamedTuple):
    """How the pictures of a set look: mean and spread (features,) float, and how many they are."""

    name: str
    pictures: int
    mean: np.ndarray
    spread: np.ndarray


class Nearest(NamedTuple):
    """The training set that a picture is nearest to, and how far its numbers are, in spreads."""

    name: str
    distance: float
    away: np.ndarray


@dataclass(frozen=True)
class Views:
    """
    What a network was trained on.

    ``limit``: the mean distance that a few pictures of a training set hardly ever exceed.
    ``quantiles``: :data:`QUANTILES` of single pictures' distance.
    """

    sets: Tuple[TrainingSet, ...]
    limit: float
    quantiles: Tuple[float, ...]

    def nearest(self, numbers: np.ndarray) -> Nearest:
        """Return the nearest training set: by the root mean square of numbers over spreads."""
        found = []
        for one in self.sets:
            away = (numbers - one.mean) / one.spread
            found.append(Nearest(one.name, float(np.sqrt(np.mean(away ** 2))), away))
        return min(found, key=lambda nearest: nearest.distance)

    def as_fields(self) -> dict:
        """Return plain values, as a manifest holds them."""
        return {'features': list(FEATURES), 'limit': round(self.limit, 4),
                'quantiles': {f'{q:g}': round(value, 4)
                              for q, value in zip(QUANTILES, self.quantiles)},
                'sets': [{'name': one.name, 'pictures': one.pictures,
                          'mean': [round(float(v), 5) for v in one.mean],
                          'spread': [round(float(v), 5) for v in one.spread]}
                         for one in self.sets]}


def recorded(learnt: Mapping[str, np.ndarray], aside: Mapping[str, np.ndarray],
             before: Optional[Views] = None) -> Views:
    """
    Return what is recorded of training sets.

    :param learnt: name of a set -> (pictures, features) of what was learnt from.
    :param aside: likewise of pictures that were not, which the limits are taken from; a set that
        is not in it gives those that were learnt.
    :param before: sets that stay along with the new ones, but for those of the same name.
    :raises UserError: there is no picture.
    """
    rows = {name: np.asarray(some, float) for name, some in learnt.items() if len(some)}
    if not rows:
        raise UserError('no picture to record the looks of: give one or more')
    sets = [TrainingSet(name, len(some), some.mean(axis=0), some.std(axis=0))
            for name, some in rows.items()]
    kept = [one for one in before.sets if one.name not in rows] if before else []
    # Each set counts alike for the spread of all of them.
    every = [*kept, *sets]
    common = np.sqrt(np.mean([one.spread ** 2 for one in every], axis=0)
                     + np.var([one.mean for one in every], axis=0))
    least = np.maximum(LEAST_SPREAD * common, 1e-4)
    sets = [one._replace(spread=np.maximum(one.spread, least)) for one in sets]
    views = Views((*kept, *sets), 0.0, ())
    rng = np.random.default_rng(0)
    limits = [before.limit] if before else []
    quantiles = [np.array(before.quantiles)] if before else []
    for name, some in rows.items():
        shown = aside[name] if len(aside.get(name, ())) else some
        distances = np.array([views.nearest(row).distance for row in shown])
        drawn = distances[rng.integers(len(distances), size=(DRAWS, DRAWN))].mean(axis=1)
        limits.append(float(np.quantile(drawn, KEPT)))
        quantiles.append(np.quantile(distances, QUANTILES))
    widest = np.max(quantiles, axis=0)
    if not min(*limits, *widest) > 0:
        raise UserError(f'{", ".join(rows)}: too few pictures, or all alike: they do not tell how '
                        'far others may be from them')
    # The widest set decides: the others must not raise an alarm either.
    return Views(views.sets, max(limits), tuple(widest.tolist()))


def read_views(fields: Any, where: str) -> Optional[Views]:
    """
    Return the views of a manifest's ``views``, None where there are none.

    :param where: for the message.
    :raises UserError: they are malformed, or recorded with other features.
    """
    if fields is None:
        return None
    again = 'record it again with effvit-compress views, or remove it'
    try:
        if tuple(fields['features']) != FEATURES:
            raise UserError(f'{where}: views.features are not {", ".join(FEATURES)}, which this '
                            f'release compares: {again}')
        sets = tuple(TrainingSet(str(entry['name']), int(entry['pictures']),
                                 _numbers(entry['mean']), _numbers(entry['spread']))
                     for entry in fields['sets'])
        limit = float(fields['limit'])
        quantiles = tuple(float(fields['quantiles'][f'{q:g}']) for q in QUANTILES)
        sound = sets and all((one.spread > 0).all() for one in sets) and min(limit, *quantiles) > 0
        if not sound or not np.isfinite([limit, *quantiles]).all():
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise UserError(f'{where}: views is malformed: {again}') from None
    return Views(sets, limit, quantiles)


def _numbers(values: Sequence[float]) -> np.ndarray:
    found = np.array(values, float)
    if found.shape != (len(FEATURES),) or not np.isfinite(found).all():
        raise ValueError
    return found
