"""The simulated flight as a source: endless, with exact truth."""
from __future__ import annotations

import math

from effvit_ros.flight import Flight
from effvit_ros.flight.renderer import HALF_VIEW
from effvit_ros.ros.camera.sources.base import FrameSource, SourceFrame


class FlightSource(FrameSource):
    """Frames 0, 1, 2, ... of a flight; the same seed gives the same pictures."""

    has_truth = True

    def __init__(self, seed: int, width: int, height: int, rate_hz: float) -> None:
        """
        Build the scene, which takes a few seconds.

        :raises UserError: a size or rate that the flight can't have.
        """
        self._flight = Flight(seed=seed, width=width, height=height, rate_hz=rate_hz)
        self._index = 0
        self.rate_hz = rate_hz
        self.focal_px = width / 2 / math.tan(HALF_VIEW)
        self.description = f'simulated flight, seed {seed}, {width}x{height}'

    def read(self) -> SourceFrame:
        """Return the next frame with its labels."""
        frame = self._flight.frame(self._index)
        self._index += 1
        return SourceFrame(frame.image, frame.labels)
