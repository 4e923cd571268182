"""What a map is written as: GeoTIFFs, GeoJSON, KML, report.json and the page."""
from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Sequence, Union

import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.core.whole_file import write_text
from effvit_ros.mapping.bag_map import BagMap, MapSettings, settings_report
from effvit_ros.mapping.map_page import map_page
from effvit_ros.mapping.rasters import write_map, write_orthomosaic
from effvit_ros.mapping.scores import class_scores, place_scores
from effvit_ros.mapping.vectors import (
    class_areas,
    Feature,
    iso,
    kept_ids,
    place_feature,
    region_feature,
    regions,
    write_geojson,
    write_kml,
)

MAP_TIF, MOSAIC, GEOJSON, KML = 'map.tif', 'orthomosaic.tif', 'map.geojson', 'map.kml'
REPORT, PAGE = 'report.json', 'report.html'


def write_files(made: BagMap, settings: MapSettings, bag_path: Union[str, Path],
                out: Union[str, Path]) -> Dict[str, Any]:
    """
    Write all files of a :class:`~effvit_ros.mapping.bag_map.BagMap` and return the report.

    They appear in ``out`` when all of them are there, report.json last.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix='.unfinished-', dir=out))
    try:
        report = _write(made, settings, bag_path, folder)
        (out / REPORT).unlink(missing_ok=True)
        for name in (MAP_TIF, MOSAIC, GEOJSON, KML, PAGE, REPORT):
            os.replace(folder / name, out / name)
    except OSError as error:
        raise UserError(f'{out}: cannot be written: {error.strerror or error}') from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report


def _write(made: BagMap, settings: MapSettings, bag_path: Union[str, Path],
           folder: Path) -> Dict[str, Any]:
    frame, names = made.trajectory.known_frame(), made.names
    write_map(folder / MAP_TIF, made.ground, frame, names, made.palette)
    write_orthomosaic(folder / MOSAIC, made.ground, frame)
    features, in_polygons = [], [0.0] * len(names)
    for region in regions(folder / MAP_TIF, made.ground, len(names), settings.least_area_m2,
                          kept_ids(names)):
        in_polygons[region.class_id] += region.area_m2
        features.append(region_feature(region, frame, names, made.begin_ns))
    alerts = [place_feature(place, frame, names) for place in made.places]
    write_geojson(folder / GEOJSON, features + alerts)
    write_kml(folder / KML, features + alerts, names, made.palette)
    report = _report(made, settings, bag_path, in_polygons, alerts,
                     class_areas(folder / MAP_TIF, len(names), settings.grid.cell_m))
    write_text(folder / PAGE, map_page(report, features, made, folder))
    write_text(folder / REPORT, json.dumps(report, indent=1, allow_nan=False) + '\n')
    return report


def _report(made: BagMap, settings: MapSettings, bag_path: Union[str, Path],
            in_polygons: Sequence[float], alerts: List[Feature],
            areas: np.ndarray) -> Dict[str, Any]:
    frame = made.trajectory.known_frame()
    south, west, rows, columns = made.ground.bounds()
    cell = settings.grid.cell_m
    report = {
        'bag': str(bag_path), 'bundle': made.bundle, 'topics': made.topics,
        'settings': settings_report(settings),
        'crs': frame.definition, 'origin': [frame.latitude, frame.longitude],
        'bounds_m': [west * cell, south * cell, (west + columns) * cell, (south + rows) * cell],
        'begin': iso(made.begin_ns), 'end': iso(made.end_ns),
        'frames': made.mapped, 'left_out': made.left_out, 'bad_poses': made.bad_poses,
        'frames_with_assumed_uncertainty': made.assumed,
        'height': made.trajectory.height_source(),
        'seconds_per_frame': round(made.seconds / max(1, made.mapped), 4),
        'area_m2': round(float(areas.sum()), 2),
        'classes': {name: {'area_m2': round(float(areas[i]), 2),
                           'area_in_polygons_m2': round(in_polygons[i], 2)}
                    for i, name in enumerate(made.names) if areas[i]},
        'alerts': [{**a['properties'], 'latitude': a['geometry']['coordinates'][1],
                    'longitude': a['geometry']['coordinates'][0]} for a in alerts]}
    if made.score is not None:
        report.update(class_scores(made.ground, frame, made.score, made.names))
        report.update(made.score.report())
        report['alert_scores'] = place_scores(
            made.places, frame, made.score, made.names, made.ground)
    return report
