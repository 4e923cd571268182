"""A simulated UAV flight over a disaster scene: pictures with exact LPCV-14 label maps."""
from __future__ import annotations

from effvit_ros.flight.flight import Flight, FlightFrame

__all__ = ['Flight', 'FlightFrame']
