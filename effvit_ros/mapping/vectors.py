"""The map as polygons and places: GeoJSON and KML."""
from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Collection, Dict, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np
import rasterio
import simplekml
from rasterio.features import geometry_window, rasterize
from rasterio.windows import Window
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from effvit_ros.core.classes import IGNORE
from effvit_ros.core.whole_file import write_text
from effvit_ros.mapping.geodesy import LocalFrame
from effvit_ros.mapping.ground_grid import GroundGrid
from effvit_ros.mapping.outlines import DECIMALS, outlines, to_geometry
from effvit_ros.mapping.places import Place, PLACED
from effvit_ros.mapping.tiles import TILE

#: Square metres below which a polygon is left out, but for the classes that have places.
LEAST_AREA_M2 = 1.0
#: A GeoJSON feature.
Feature = Dict[str, Any]


class Region(NamedTuple):
    """
    A polygon of one class: in metres (shapely), its area, mean confidence 0..1.

    ``first_ms``, ``last_ms``: when its ground was first and last seen.
    """

    class_id: int
    polygon: BaseGeometry
    area_m2: float
    confidence: float
    first_ms: int
    last_ms: int


def regions(map_path: Path, ground: GroundGrid, n_classes: int,
            least_area_m2: float = LEAST_AREA_M2, kept: Collection[int] = ()) -> Iterator[Region]:
    """
    Yield the :class:`Region` of each polygon of each class but background (id 0).

    :param map_path: the ``map.tif``.
    :param kept: ids whose polygons are kept however small.
    """
    with rasterio.open(map_path) as source:
        labels, transform = source.read(1), source.transform
        present = set(np.unique(labels).tolist())
        for class_id in sorted(present & set(range(1, n_classes))):
            for polygon in outlines(labels, transform, class_id):
                if polygon.area < least_area_m2 and class_id not in kept:
                    continue
                window = geometry_window(source, [polygon])
                mask = rasterize([polygon], (window.height, window.width),
                                 transform=source.window_transform(window)).astype(bool)
                confidence = source.read(2, window=window)[mask]
                first, last = _times(ground, window, mask)
                yield Region(class_id, polygon, float(polygon.area),
                             float(confidence.mean()) / 255 if confidence.size else 0.0,
                             first, last)


def _times(ground: GroundGrid, window: Window, mask: np.ndarray) -> Tuple[int, int]:
    """Return the first and the last milliseconds at which the cells of a window were seen."""
    south, west, rows, _ = ground.bounds()
    cell_rows, cell_columns = np.nonzero(mask)
    # From rows of the file, north first, to rows of the grid.
    cell_rows = south + rows - 1 - (cell_rows + window.row_off)
    cell_columns = west + cell_columns + window.col_off
    first, last = [], []
    tiles = np.stack([cell_rows // TILE, cell_columns // TILE], 1)
    for key in np.unique(tiles, axis=0):
        here = (tiles == key).all(1)
        tile = ground.store.get((int(key[0]), int(key[1])))
        at = cell_rows[here] - key[0] * TILE, cell_columns[here] - key[1] * TILE
        first.append(int(tile.first[at].min()))
        last.append(int(tile.last[at].max()))
    return (min(first, default=1) - 1, max(last, default=1) - 1)


def iso(stamp_ns: int) -> str:
    """Return a stamp as ISO 8601 in UTC, to the millisecond."""
    time = datetime.fromtimestamp(stamp_ns * 1e-9, timezone.utc)
    return time.isoformat(timespec='milliseconds').replace('+00:00', 'Z')


def region_feature(region: Region, frame: LocalFrame, names: Sequence[str],
                   begin_ns: int) -> Feature:
    """Return a GeoJSON feature of a :class:`Region`."""
    return {'type': 'Feature', 'geometry': mapping(to_geometry(region.polygon, frame)),
            'properties': {
                'kind': 'region', 'class': names[region.class_id], 'class_id': region.class_id,
                'area_m2': round(region.area_m2, 3), 'confidence': round(region.confidence, 3),
                'first_seen': iso(begin_ns + region.first_ms * 10**6),
                'last_seen': iso(begin_ns + region.last_ms * 10**6)}}


def place_feature(place: Place, frame: LocalFrame, names: Sequence[str]) -> Feature:
    """Return a GeoJSON feature of a :class:`~effvit_ros.mapping.places.Place`."""
    latitude, longitude = frame.to_degrees(place.east, place.north)
    return {'type': 'Feature', 'geometry': {
        'type': 'Point',
        'coordinates': [round(float(longitude), DECIMALS), round(float(latitude), DECIMALS)]},
        'properties': {
            'kind': 'alert', 'class': names[place.class_id], 'class_id': place.class_id,
            'uncertainty_m': round(place.uncertainty, 2), 'looks': place.looks,
            'at_once': place.at_once, 'confidence': round(place.confidence, 3),
            'first_seen': iso(place.first_ns), 'last_seen': iso(place.last_ns)}}


def write_geojson(path: Path, features: Sequence[Feature]) -> None:
    """Write a FeatureCollection, WGS 84 as RFC 7946 has it."""
    write_text(path, json.dumps({'type': 'FeatureCollection', 'features': features},
                                separators=(',', ':'), allow_nan=False))


def write_kml(path: Path, features: Sequence[Feature], names: Sequence[str],
              palette: np.ndarray) -> None:
    """Write the same features as KML: a folder for each class, one for the alerts."""
    # Ids count up in the process: the same map is the same file.
    simplekml.Kml.resetidcounter()
    kml = simplekml.Kml(name='effvit_ros map')
    folders = {}
    styles = {}
    for i, name in enumerate(names):
        red, green, blue = (int(v) for v in palette[i])
        styles[name] = simplekml.Style()
        styles[name].polystyle.color = simplekml.Color.rgb(red, green, blue, 150)
        styles[name].linestyle.color = simplekml.Color.rgb(red, green, blue, 255)
        styles[name].linestyle.width = 1
    for feature in features:
        about = feature['properties']
        title = 'alerts' if about['kind'] == 'alert' else about['class']
        if title not in folders:
            folders[title] = kml.newfolder(name=title)
        geometry = feature['geometry']
        if geometry['type'] == 'Point':
            mark = folders[title].newpoint(name=about['class'], coords=[geometry['coordinates']])
            mark.description = (f"+- {about['uncertainty_m']:.1f} m, {about['looks']} looks, "
                                f"{about['first_seen']} to {about['last_seen']}")
            continue
        parts = geometry['coordinates']
        for rings in (parts if geometry['type'] == 'MultiPolygon' else [parts]):
            polygon = folders[title].newpolygon(
                name=about['class'], outerboundaryis=list(rings[0]),
                innerboundaryis=[list(ring) for ring in rings[1:]])
            polygon.description = (f"{about['area_m2']:.1f} m2, confidence "
                                   f"{about['confidence']:.2f}")
            polygon.style = styles[about['class']]
    write_text(path, kml.kml(format=False))


def class_areas(map_path: Path, n_classes: int, cell_m: float) -> np.ndarray:
    """Return the area of each class of the map, (n,) float m2, counted by cells."""
    counts = np.zeros(256, np.int64)
    with rasterio.open(map_path) as source:
        for _, window in source.block_windows(1):
            counts += np.bincount(source.read(1, window=window).ravel(), minlength=256)
    counts[IGNORE] = 0
    return counts[:n_classes] * cell_m ** 2


def kept_ids(names: Sequence[str]) -> List[int]:
    """Return the ids whose polygons are kept however small."""
    return [i for i, name in enumerate(names) if name in (*PLACED, 'vehicle')]
