"""Whether what a camera shows is like what the model was trained on, over the last looks."""
from __future__ import annotations

from collections import Counter, deque
from typing import Deque, Optional

import numpy as np

from effvit_ros.core.view import FEATURES, Nearest, Views, WORDS

#: Looks that are judged together, and without which nothing is said.
WINDOW, LEAST = 20, 10
#: Share of the limit below which an alarm ends.
ENDS = 0.9
#: Spreads from which on a difference is told, and how many are.
TOLD, MOST_TOLD = 1.5, 3


class Drift:
    """The mean distance of the last looks from a bundle's views, and an alarm with hysteresis."""

    def __init__(self, views: Views) -> None:
        """Begin without a look."""
        self._views = views
        self._looks: Deque[Nearest] = deque(maxlen=WINDOW)
        self._unlike = False

    def update(self, numbers: np.ndarray) -> None:
        """Take a look: what :func:`~effvit_ros.core.view.look` returned."""
        self._looks.append(self._views.nearest(numbers))
        distance = self.distance
        if distance is not None:
            self._unlike = distance > (ENDS if self._unlike else 1.0)

    @property
    def unlike(self) -> bool:
        """Return whether the view is another one than those of the training."""
        return self._unlike

    @property
    def distance(self) -> Optional[float]:
        """Return the mean distance over the limit, 1 at the limit; None before enough looks."""
        if len(self._looks) < LEAST:
            return None
        return float(np.mean([nearest.distance for nearest in self._looks])) / self._views.limit

    @property
    def nearest(self) -> str:
        """Return the name of the training set that most looks are nearest to, '' before one."""
        names = Counter(nearest.name for nearest in self._looks)
        return names.most_common(1)[0][0] if names else ''

    @property
    def sentence(self) -> str:
        """Return what is to be told of a view that is another one."""
        name = self.nearest
        away = np.mean([n.away for n in self._looks if n.name == name], axis=0)
        strongest = sorted(range(len(away)), key=lambda i: -abs(away[i]))[:MOST_TOLD]
        words = [WORDS[FEATURES[i]][int(away[i] > 0)] for i in strongest if abs(away[i]) >= TOLD]
        return (f'unlike the pictures that this model was trained on ({self.distance:.2f} of the '
                f'limit; nearest are those of {name}{": " if words else ""}{", ".join(words)})')
