"""Class rasters to polygons, and polygons to degrees."""
from __future__ import annotations

from typing import List, Tuple

import numpy as np
import shapely
from rasterio import Affine
from rasterio.features import shapes
from shapely.geometry import box, MultiPolygon, Polygon, shape
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from effvit_ros.mapping.geodesy import LocalFrame

#: Decimals of degrees in files: 1 cm.
DECIMALS = 7


def outlines(raster: np.ndarray, transform: Affine, value: int) -> List[BaseGeometry]:
    """
    Return the polygons, in the transform's units, of the cells that are ``value``.

    Cells that touch at a corner only belong to one polygon where that leaves it valid.

    :param raster: (H, W) uint8, row 0 in the north.
    """
    return [polygon for _, polygon in all_outlines(raster, transform, raster == value)]


def all_outlines(raster: np.ndarray, transform: Affine,
                 mask: np.ndarray) -> List[Tuple[int, BaseGeometry]]:
    """Return (value, polygon) of every value's polygons as :func:`outlines`, in one pass."""
    return [(int(value), _valid(shape(geometry))) for geometry, value in
            shapes(raster, mask, connectivity=4, transform=transform)]


def to_geometry(polygon: BaseGeometry, frame: LocalFrame) -> BaseGeometry:
    """
    Return a polygon in metres as one in degrees (longitude, latitude), as GeoJSON wants it.

    Outer rings run counterclockwise; what crosses the date line is cut in two there (RFC 7946).
    """
    def degrees(metres: np.ndarray) -> np.ndarray:
        latitude, longitude = frame.to_degrees_unwrapped(metres[:, 0], metres[:, 1])
        return np.round(np.column_stack([longitude, latitude]), DECIMALS)
    geometry = shapely.transform(polygon, degrees)
    west, _, east, _ = geometry.bounds
    if -180 <= west and east <= 180:
        return _oriented(geometry)
    parts = []
    for shift in (-360, 0, 360):
        piece = geometry.intersection(box(-180 - shift, -90, 180 - shift, 90))
        for part in getattr(piece, 'geoms', [piece]):
            if isinstance(part, Polygon) and not part.is_empty:
                parts.append(shapely.transform(part, lambda c, s=shift: c + [s, 0]))
    return _oriented(MultiPolygon(parts) if len(parts) > 1 else parts[0])


def _valid(polygon: BaseGeometry) -> BaseGeometry:
    return polygon if polygon.is_valid else polygon.buffer(0)


def _oriented(geometry: BaseGeometry) -> BaseGeometry:
    if isinstance(geometry, Polygon):
        return orient(geometry)
    return MultiPolygon([orient(part) for part in geometry.geoms])
