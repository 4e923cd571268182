"""The map as Cloud-optimised GeoTIFFs: classes with their confidence, and the orthomosaic."""
from __future__ import annotations

from pathlib import Path
from typing import Callable, Optional, Sequence

import numpy as np
import rasterio
from rasterio import Affine
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import DatasetWriter
from rasterio.shutil import copy
from rasterio.transform import from_origin
from rasterio.windows import Window

from effvit_ros.core.classes import IGNORE
from effvit_ros.mapping.geodesy import LocalFrame
from effvit_ros.mapping.ground_grid import Bounds, GroundGrid
from effvit_ros.mapping.tiles import Key, TILE


def map_transform(bounds: Bounds, cell_m: float) -> Affine:
    """Return the rasterio transform of a map's (south row, west column, rows, columns)."""
    south, west, rows, _ = bounds
    return from_origin(west * cell_m, (south + rows) * cell_m, cell_m, cell_m)


def write_map(path: Path, ground: GroundGrid, frame: LocalFrame, names: Sequence[str],
              palette: np.ndarray) -> None:
    """
    Write ``map.tif``: band 1 class ids with a palette, 255 unseen; band 2 confidence, 0..255.

    :param ground: :class:`~effvit_ros.mapping.ground_grid.GroundGrid`, not empty.
    :param palette: (n, 3) uint8, RGB.
    """
    def block(key: Key) -> np.ndarray:
        fused = ground.fused_tile(key)
        return np.stack([fused.labels, fused.confidence])
    colours = {i: (*(int(v) for v in rgb), 255) for i, rgb in enumerate(palette)}
    colours[IGNORE] = (0, 0, 0, 0)

    def describe(sink: DatasetWriter) -> None:
        sink.write_colormap(1, colours)
        # Not transparency, which a second band would be taken for.
        sink.colorinterp = (ColorInterp.palette, ColorInterp.undefined)
        sink.set_band_description(1, 'class')
        sink.set_band_description(2, 'confidence, 255 is certain')
        sink.update_tags(1, classes=', '.join(f'{i}={name}' for i, name in enumerate(names)))
    _write(path, ground, frame, 2, block, IGNORE, describe)


def write_orthomosaic(path: Path, ground: GroundGrid, frame: LocalFrame) -> None:
    """Write the orthomosaic: red, green, blue and alpha of the best view of each cell."""
    def block(key: Key) -> np.ndarray:
        tile = ground.store.get(key)
        alpha = np.where(tile.best > 0, 255, 0).astype(np.uint8)
        return np.concatenate([tile.picture[..., ::-1].transpose(2, 0, 1), alpha[None]])

    def describe(sink: DatasetWriter) -> None:
        sink.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue,
                            ColorInterp.alpha)
    _write(path, ground, frame, 4, block, None, describe)


def _write(path: Path, ground: GroundGrid, frame: LocalFrame, bands: int,
           block: Callable[[Key], np.ndarray], nodata: Optional[int],
           describe: Callable[[DatasetWriter], None]) -> None:
    """Write block by block, then lay it out again as a COG."""
    path = Path(path)
    bounds = ground.bounds()
    south, west, rows, columns = bounds
    plain = path.with_suffix('.plain.tif')
    cell_m = ground.grid.cell_m
    with rasterio.open(
            plain, 'w', driver='GTiff', width=columns, height=rows, count=bands, dtype='uint8',
            crs=frame.crs.to_wkt(), transform=map_transform(bounds, cell_m), nodata=nodata,
            tiled=True, blockxsize=TILE, blockysize=TILE, compress='deflate',
            sparse_ok=True) as sink:
        describe(sink)
        for key in ground.store.keys():
            top = south + rows - (key[0] + 1) * TILE
            # Rows run north to south in files.
            sink.write(block(key)[:, ::-1], window=Window(key[1] * TILE - west, top, TILE, TILE))
    copy(plain, path, driver='COG', compress='deflate', predictor='no',
         overview_resampling=Resampling.nearest.name, blocksize=256)
    plain.unlink()
