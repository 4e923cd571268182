"""The ground: a plane, or the elevations of a GeoTIFF."""
from __future__ import annotations

from pathlib import Path
from typing import Tuple, Union

import cv2
import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.mapping.geodesy import LocalFrame, Numbers


class Plane:
    """The ground as the plane z = 0 of the map."""

    def lowest_highest(self) -> Tuple[float, float]:
        """Return the range of the ground's z."""
        return 0.0, 0.0

    def height(self, east: Numbers, north: Numbers) -> np.ndarray:
        """Return z at places of the map, as an array of their shape."""
        return np.zeros(np.shape(east))


class Terrain:
    """Elevations of a raster, laid out again in the map's metres about a place."""

    def __init__(self, path: Union[str, Path], frame: LocalFrame, reach_m: float = 5000.0,
                 step_m: float = 2.0) -> None:
        """
        Read the part of the raster within ``reach_m`` of the origin of ``frame``.

        :raises UserError: it can't be read, has no coordinates, or does not cover the origin.
        """
        import rasterio
        from rasterio.transform import from_origin
        from rasterio.warp import reproject, Resampling, transform_bounds
        try:
            with rasterio.open(path) as source:
                if source.crs is None:
                    raise UserError(f'terrain {path}: has no coordinate system: assign it with '
                                    'gdal_translate -a_srs')
                # Of a raster whose first row is the southernmost, bottom is above top.
                (west, east), (south, north) = map(sorted, zip(source.bounds[:2],
                                                               source.bounds[2:]))
                left, bottom, right, top = transform_bounds(
                    source.crs, frame.crs.to_wkt(), west, south, east, north)
                if not (left < 0 < right and bottom < 0 < top):
                    raise UserError(f'terrain {path}: does not cover the flight '
                                    f'({frame.latitude:.5f}, {frame.longitude:.5f})')
                left, right = max(left, -reach_m), min(right, reach_m)
                bottom, top = max(bottom, -reach_m), min(top, reach_m)
                rows = max(2, int((top - bottom) / step_m))
                columns = max(2, int((right - left) / step_m))
                self._z = np.full((rows, columns), np.nan, np.float32)
                reproject(rasterio.band(source, 1), self._z, dst_crs=frame.crs.to_wkt(),
                          dst_transform=from_origin(left, top, step_m, step_m),
                          dst_nodata=np.nan, resampling=Resampling.bilinear)
        except UserError:
            raise
        except Exception as error:  # GDAL's own are of a private module
            raise UserError(f'terrain {path}: {" ".join(str(error).split())}') from None
        if not np.isfinite(self._z).any():
            raise UserError(f'terrain {path}: holds no elevation near the flight')
        self._left, self._top, self._step = left, top, step_m

    def lowest_highest(self) -> Tuple[float, float]:
        """Return the range of the ground's z."""
        return float(np.nanmin(self._z)), float(np.nanmax(self._z))

    def height(self, east: Numbers, north: Numbers) -> np.ndarray:
        """Return z at places of the map, bilinear; NaN where the raster says nothing."""
        x, y = np.asarray(east, np.float64), np.asarray(north, np.float64)
        column = ((x - self._left) / self._step - 0.5).astype(np.float32)
        row = ((self._top - y) / self._step - 0.5).astype(np.float32)
        shape = column.shape
        found = cv2.remap(self._z, np.atleast_2d(column), np.atleast_2d(row),
                          cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
                          borderValue=float('nan'))
        return found.reshape(shape).astype(np.float64)


#: What pictures are laid on.
Ground = Union[Plane, Terrain]
