"""Terrain from rasters, by hand."""
from __future__ import annotations

import numpy as np
import pytest

rasterio = pytest.importorskip('rasterio', reason='rasterio is not installed: pip install '
                               "'effvit_ros[map]'")

from effvit_ros.core.errors import UserError  # noqa: E402
from effvit_ros.mapping.geodesy import LocalFrame  # noqa: E402
from effvit_ros.mapping.ground import Terrain  # noqa: E402

FRAME = LocalFrame(47.0, 15.0)
STEP = 1e-4
#: The ground rises to the north, by a metre a row.
NORTHWARD = np.repeat(np.arange(20, dtype=np.float32)[::-1, None], 20, axis=1)
NORTH_UP = rasterio.transform.from_origin(14.999, 47.001, STEP, STEP)
SOUTH_UP = rasterio.Affine(STEP, 0, 14.999, 0, STEP, 46.999)


def raster(path, transform, heights, crs='EPSG:4326'):
    with rasterio.open(path, 'w', driver='GTiff', width=20, height=20, count=1, dtype='float32',
                       crs=crs, transform=transform) as file:
        file.write(heights, 1)
    return path


@pytest.mark.parametrize('transform, heights', [
    pytest.param(NORTH_UP, NORTHWARD, id='first row in the north'),
    pytest.param(SOUTH_UP, NORTHWARD[::-1], id='first row in the south'),
])
def test_heights_are_where_the_raster_has_them(transform, heights, tmp_path):
    ground = Terrain(raster(tmp_path / 'z.tif', transform, heights), FRAME)
    row_m = STEP * 111_176  # of a degree of latitude at 47 degrees
    south, here, north = ground.height(np.zeros(3), np.array([-5, 0, 5]) * row_m)
    # The origin lies between rows 9 and 10 of 20.
    assert (south, here, north) == pytest.approx((4.5, 9.5, 14.5), abs=0.1)


@pytest.mark.parametrize('transform, crs, words', [
    pytest.param(NORTH_UP, None, 'has no coordinate system', id='nowhere'),
    pytest.param(rasterio.transform.from_origin(3, 50, STEP, STEP), 'EPSG:4326',
                 'does not cover the flight', id='elsewhere'),
    pytest.param(rasterio.transform.from_origin(14.999, 400, STEP, STEP), 'EPSG:4326',
                 'terrain .*z.tif', id='beyond the pole'),
])
def test_a_raster_that_tells_nothing_is_one_line(transform, crs, words, tmp_path):
    with pytest.raises(UserError, match=words) as caught:
        Terrain(raster(tmp_path / 'z.tif', transform, NORTHWARD, crs), FRAME)
    assert '\n' not in str(caught.value)
