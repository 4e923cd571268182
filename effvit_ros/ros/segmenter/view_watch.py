"""Tells /diagnostics when what the camera shows is unlike what the model was trained on."""
from __future__ import annotations

from typing import Optional

from effvit_ros.core.bundle import Bundle
from effvit_ros.core.drift import Drift
from effvit_ros.core.segmenter import Segmentation
from effvit_ros.ros.common.parameters import Parameters
from effvit_ros.ros.health.health import Health
from effvit_ros.ros.health.level import WARN

#: Seconds and frames between two looks: neighbouring frames tell nothing new, and a look costs two
#: to three percent of a frame.
EVERY_S, EVERY_FRAMES = 1.0, 4


class ViewWatch:
    """
    Looks at a frame now and then; silent where the bundle does not say what it was taught.

    Each second at most, and at every fourth frame at most.
    """

    def __init__(self, bundle: Bundle, settings: Parameters, health: Health) -> None:
        """
        Begin without a look.

        :param settings: mapping with the parameter ``view_alarm``.
        :param health: where ``view_distance``, ``view_nearest`` and the finding ``view`` go.
        """
        self._views = bundle.views if bundle.gives_scores else None
        self._settings = settings
        self._health = health
        self._drift: Optional[Drift] = None
        self._due = 0.0
        self._passed = EVERY_FRAMES

    def watch(self, segmentation: Segmentation, now: float) -> None:
        """
        Take a look if one is due.

        :param segmentation: of the newest frame.
        :param now: seconds of a clock that never jumps.
        """
        if self._views is None:
            return
        if not self._settings['view_alarm']:
            self.forget()
            return
        self._passed += 1
        if now < self._due or self._passed < EVERY_FRAMES:
            return
        self._due, self._passed = now + EVERY_S, 0
        drift = self._drift = self._drift or Drift(self._views)
        drift.update(segmentation.look())
        distance = drift.distance
        self._health.set_facts(view_distance=None if distance is None else f'{distance:.2f}',
                               view_nearest=drift.nearest)
        if drift.unlike:
            self._health.set_finding('view', WARN, drift.sentence)
        else:
            self._health.clear_finding('view')

    def forget(self) -> None:
        """Take back what was told; looks begin anew."""
        if self._drift is not None:
            self._drift, self._due, self._passed = None, 0.0, EVERY_FRAMES
            self._health.clear_finding('view')
            self._health.set_facts(view_distance=None, view_nearest=None)
