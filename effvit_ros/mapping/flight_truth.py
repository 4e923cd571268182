"""The truth of a simulated flight on earth: its map, its things, where the camera was."""
from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple, Union

import cv2
import numpy as np
import rasterio
import shapely
from rasterio import Affine
from rasterio.errors import RasterioError
from rasterio.transform import from_origin
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from effvit_ros.core.classes import lpcv_classes
from effvit_ros.core.errors import UserError
from effvit_ros.core.whole_file import write_text
from effvit_ros.flight.survey import PLACE, Survey
from effvit_ros.mapping.geodesy import LocalFrame
from effvit_ros.mapping.outlines import outlines, to_geometry
from effvit_ros.mapping.survey_bag import SurveyPlan

MAP, THINGS, POSES = 'map.tif', 'things.geojson', 'poses.csv'
#: What somebody is alarmed about, as LPCV ids.
THING_CLASSES = (10, 6, 3)
#: Cells; the flicker of flames is not a fire each.
_LEAST_CELLS = {10: 4, 6: 40, 3: 40}


class FlightTruth(NamedTuple):
    """
    ``labels``: (H, W) uint8, row 0 in the north, with its rasterio ``transform`` in ``frame``.

    ``things``: (class name, shapely geometry in metres of ``frame``). ``poses``: stamp in
    nanoseconds -> (position (3,), rotation (3, 3) from the optical frame).
    """

    frame: LocalFrame
    labels: np.ndarray
    transform: Affine
    things: List[Tuple[str, BaseGeometry]]
    poses: Dict[int, Tuple[np.ndarray, np.ndarray]]


def write_flight_truth(folder: Union[str, Path], survey: Survey, plan: SurveyPlan,
                       latency_s: float) -> None:
    """Write the three files; ``plan``: :class:`~effvit_ros.mapping.survey_bag.SurveyPlan`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    frame = LocalFrame(*PLACE)
    labels, ppm = survey.flight.scene.labels, survey.flight.scene.ppm
    half = len(labels) / 2 / ppm
    transform = from_origin(-half, half, 1 / ppm, 1 / ppm)
    with rasterio.open(folder / MAP, 'w', driver='GTiff', width=labels.shape[1],
                       height=labels.shape[0], count=1, dtype='uint8', crs=frame.crs.to_wkt(),
                       transform=transform, compress='deflate', tiled=True) as sink:
        sink.write(labels, 1)
    features = []
    for class_id in THING_CLASSES:
        found = _components(labels == class_id, _LEAST_CELLS[class_id])
        for polygon in outlines(found, transform, 1):
            geometry = to_geometry(polygon, frame)
            features.append({'type': 'Feature', 'geometry': mapping(geometry), 'properties': {
                'class': lpcv_classes().names[class_id], 'area_m2': round(polygon.area, 2)}})
    write_text(folder / THINGS, json.dumps(
        {'type': 'FeatureCollection', 'features': features}, separators=(',', ':')))
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(['stamp_ns', 'east', 'north', 'up', *(f'r{i}{j}' for i in range(3)
                                                        for j in range(3))])
    for index in range(plan.frames):
        time_s = index / plan.rate_hz
        pose = survey.true_pose(time_s)
        rows.writerow([plan.start_ns + round((time_s + latency_s) * 1e9),
                       *(repr(float(v)) for v in (*pose.position, *pose.rotation.ravel()))])
    write_text(folder / POSES, text.getvalue())


def read_flight_truth(folder: Union[str, Path]) -> FlightTruth:
    """
    Return the :class:`FlightTruth` in a folder.

    :raises UserError: it is no such folder.
    """
    folder = Path(folder)
    frame = LocalFrame(*PLACE)
    try:
        with rasterio.open(folder / MAP) as source:
            labels, transform = source.read(1), source.transform
        content = json.loads((folder / THINGS).read_text(encoding='utf-8'))
        things = [(f['properties']['class'], _metres(shape(f['geometry']), frame))
                  for f in content['features']]
        poses = {}
        with open(folder / POSES, newline='', encoding='utf-8') as file:
            for row in list(csv.reader(file))[1:]:
                values = np.array([float(v) for v in row[1:]])
                poses[int(row[0])] = values[:3], values[3:].reshape(3, 3)
    except (OSError, RasterioError, ValueError, KeyError, TypeError, IndexError) as error:
        raise UserError(f'{folder}: not the truth of a flight (render_flight --bag writes it): '
                        f'{" ".join(str(error).split())}') from None
    return FlightTruth(frame, labels, transform, things, poses)


def _metres(geometry: BaseGeometry, frame: LocalFrame) -> BaseGeometry:
    return shapely.transform(
        geometry, lambda c: np.column_stack(frame.to_metres(c[:, 1], c[:, 0])))


def _components(mask: np.ndarray, least: int) -> np.ndarray:
    """Return the mask without its components of fewer cells, (H, W) uint8."""
    _, ids, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= least
    keep[0] = False
    return keep[ids].astype(np.uint8)
