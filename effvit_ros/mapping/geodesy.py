"""Latitude and longitude to metres about an origin, and back."""
from __future__ import annotations

import math
from typing import Optional, Tuple, TypeVar

import numpy as np

from effvit_ros.core.errors import UserError

#: Degrees; nearer to a pole "north" turns within a flight, as UTM's own limits say.
HIGHEST_LATITUDE, LOWEST_LATITUDE = 84.0, -80.0
#: Metres from the origin within which the map's metres are metres (1e-5) and north is north.
REACH_M = 30_000.0
#: One number, or an array of them.
Numbers = TypeVar('Numbers', float, np.ndarray)


def position_problem(latitude: float, longitude: float) -> Optional[str]:
    """Return what is wrong with a place on earth in one line, or None."""
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return f'the position {latitude}, {longitude} is not a number'
    if latitude == 0 and longitude == 0:
        return 'the position is 0, 0: a receiver without a fix, not a place'
    if not -90 <= latitude <= 90 or not -180 <= longitude <= 360:
        return f'the position {latitude}, {longitude} is not on earth: degrees are wanted'
    if not LOWEST_LATITUDE <= latitude <= HIGHEST_LATITUDE:
        return (f'latitude {latitude:.4f} is too near to a pole: maps are made from '
                f'{LOWEST_LATITUDE:g} to {HIGHEST_LATITUDE:g} degrees')
    return None


class LocalFrame:
    """
    East and north in metres from an origin: a transverse Mercator about it (WGS 84).

    Axes as REP 103 and 105 have them for a map: x east, y north, z up. The origin's meridian
    is the map's, so true north is the map's north and the scale is 1, and the date line is
    a meridian like any other.
    """

    def __init__(self, latitude: float, longitude: float) -> None:
        """
        Put the origin at these degrees.

        :raises UserError: no map can be made there.
        """
        # Here, so that parameters and vehicle files can be read where no map is made.
        from pyproj import CRS, Transformer
        problem = position_problem(latitude, longitude)
        if problem:
            raise UserError(problem)
        self.latitude = float(latitude)
        self.longitude = (float(longitude) + 180) % 360 - 180
        #: In PROJ's words.
        self.definition = (f'+proj=tmerc +lat_0={self.latitude!r} +lon_0={self.longitude!r} '
                           '+k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs')
        self.crs = CRS.from_proj4(self.definition)
        self._to_metres = Transformer.from_crs('EPSG:4326', self.crs, always_xy=True)
        self._to_degrees = Transformer.from_crs(self.crs, 'EPSG:4326', always_xy=True)

    def to_metres(self, latitude: Numbers, longitude: Numbers) -> Tuple[Numbers, Numbers]:
        """Return (east, north) of a place or of arrays of places."""
        return self._to_metres.transform(longitude, latitude)

    def to_degrees(self, east: Numbers, north: Numbers) -> Tuple[Numbers, Numbers]:
        """Return (latitude, longitude), the longitude from -180 to 180."""
        longitude, latitude = self._to_degrees.transform(east, north)
        return latitude, longitude

    def to_degrees_unwrapped(self, east: Numbers, north: Numbers) -> Tuple[Numbers, Numbers]:
        """Return (latitude, longitude) whose longitude runs on beyond 180 at the date line."""
        latitude, longitude = self.to_degrees(east, north)
        return latitude, self.longitude + (longitude - self.longitude + 180) % 360 - 180
