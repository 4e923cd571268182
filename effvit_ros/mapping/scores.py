"""The map against the truth of a simulated flight: classes, places, positions."""
from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple, Union

import numpy as np
import shapely
from rasterio.transform import rowcol
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from effvit_ros.core.classes import IGNORE
from effvit_ros.mapping.camera_model import CameraModel
from effvit_ros.mapping.flight_truth import FlightTruth
from effvit_ros.mapping.geodesy import LocalFrame
from effvit_ros.mapping.ground_grid import GroundGrid, tile_windows
from effvit_ros.mapping.places import LEAST_GATE_M, Place, Sighting
from effvit_ros.mapping.pose_settings import CameraPose
from effvit_ros.mapping.projection import Footprint, sampled
from effvit_ros.mapping.tiles import Key, TILE, TileStore

#: A sighting is of a true thing within this of its outline: metres, and of the region's radius.
OWN_M, OWN_SHARE = 0.5, 0.5


class Votes(NamedTuple):
    """Pictures that showed a class in each cell of a tile, (classes, T, T) uint16."""

    votes: np.ndarray


class GroundScore:
    """Single pictures against the truth, and where their pixels were put."""

    def __init__(self, truth: FlightTruth, folder: Union[str, Path], classes: int,
                 limit_mb: int) -> None:
        """
        Take a :class:`~effvit_ros.mapping.flight_truth.FlightTruth`.

        :param folder: for the tiles that do not fit into ``limit_mb``.
        """
        self.truth = truth
        self.store = TileStore(
            folder, lambda: Votes(np.zeros((classes, TILE, TILE), np.uint16)), limit_mb)
        #: Metres: as the pose was told, and as the map has it.
        self.told: List[float] = []
        self.used: List[float] = []
        #: [number of a place, index of the true thing or -1] of each sighting.
        self.things: List[List[int]] = []
        self._trees: Dict[str, Tuple[List[int], shapely.STRtree]] = {}

    def add(self, stamp_ns: int, camera: CameraModel, told: CameraPose, used: CameraPose,
            frame: LocalFrame, widest_angle_deg: float) -> None:
        """Note how far pixels of one picture are put from where they are, by either pose."""
        true = self.truth.poses.get(stamp_ns)
        if true is None:
            return
        u, v = np.meshgrid(np.linspace(0, camera.width - 1, 7),
                           np.linspace(0, camera.height - 1, 5))
        rays = camera.rays(np.column_stack([u.ravel(), v.ravel()]))
        is_at = _hits(rays, *true, widest_angle_deg)
        for pose, errors in ((told, self.told), (used, self.used)):
            put = _hits(rays, pose.position, pose.rotation, widest_angle_deg)
            # One origin may not be the other's.
            latitude, longitude = frame.to_degrees(put[:, 0], put[:, 1])
            put = np.column_stack(self.truth.frame.to_metres(latitude, longitude))
            away = np.hypot(*(put - is_at).T)
            errors += [round(float(e), 4) for e in away[np.isfinite(away)]]

    def sight(self, stamp_ns: int, pose: CameraPose, sightings: Sequence[Sighting],
              places: Sequence[Place], names: Sequence[str]) -> None:
        """
        Note which true thing each sighting is of, whatever its pose told.

        :param pose: that the sightings were placed by; ``places``: of each sighting.
        """
        true = self.truth.poses.get(stamp_ns)
        if true is None:
            return
        position, rotation = true
        for sighting, place in zip(sightings, places):
            # The ray that was placed at (east, north, 0), from where the camera really was.
            ray = np.array([sighting.east, sighting.north, 0.0]) - pose.position
            ray = rotation @ pose.rotation.T @ ray
            east, north = position[:2] - ray[:2] * (position[2] / ray[2])
            index, away = self._nearest(names[sighting.class_id], Point(east, north))
            if away > OWN_M + OWN_SHARE * sighting.radius:
                index = -1
            self.things.append([place.numbers[0], index])

    def _nearest(self, name: str, point: Point) -> Tuple[int, float]:
        """Return (index in the truth's things, metres) of the nearest of a class."""
        if name not in self._trees:
            ids = [i for i, (n, _) in enumerate(self.truth.things) if n == name]
            self._trees[name] = ids, shapely.STRtree([self.truth.things[i][1] for i in ids])
        ids, tree = self._trees[name]
        if not ids:
            return -1, 0.0
        index = ids[int(tree.nearest(point))]
        return index, point.distance(self.truth.things[index][1])

    def vote(self, place: Footprint, labels: np.ndarray) -> None:
        """Lay down the labels of one picture as its pose was told."""
        found = sampled(labels, place, IGNORE)
        for key, there, here in tile_windows(place.row, place.column, *found.shape):
            if not place.weight[here].any():
                continue
            votes = self.store.get(key, change=True).votes
            for label in np.unique(found[here]):
                if label < len(votes):
                    votes[label][there] += found[here] == label

    def report(self) -> Dict[str, Optional[float]]:
        """Return percentiles in metres; None without any."""
        report = {}
        for name, errors in (('position_error_m', self.used),
                             ('position_error_told_m', self.told)):
            p50, p95 = np.percentile(errors, [50, 95]) if errors else (None, None)
            report[f'{name}_p50'] = None if p50 is None else round(float(p50), 3)
            report[f'{name}_p95'] = None if p95 is None else round(float(p95), 3)
        return report


def _hits(rays: np.ndarray, position: np.ndarray, rotation: np.ndarray,
          widest_angle_deg: float) -> np.ndarray:
    """Return where rays meet z = 0, (n, 2); NaN beyond the largest viewing angle."""
    rays = rays @ rotation.T
    with np.errstate(divide='ignore', invalid='ignore'):
        hits = position[:2] + rays[:, :2] * (position[2] / -rays[:, 2])[:, None]
    angle = np.arctan2(np.hypot(rays[:, 0], rays[:, 1]), -rays[:, 2])
    hits[angle > math.radians(widest_angle_deg)] = np.nan
    return hits


def class_scores(ground: GroundGrid, frame: LocalFrame, score: GroundScore,
                 names: Sequence[str]) -> Dict[str, Any]:
    """
    Return mIoU on the ground: of the fused map, and of the labels of single pictures.

    Both over the same cells, each of which counts once: where several pictures saw it, each
    picture's label counts by its share. Single pictures lie where their poses told.

    :param score: :class:`GroundScore`.
    """
    n = len(names)
    fused_matrix = np.zeros((n, n), np.float64)
    single_matrix = np.zeros((n, n), np.float64)
    for key in ground.store.keys():
        fused = ground.fused_tile(key).labels
        true = _truth_of_tile(key, ground.grid.cell_m, frame, score.truth)
        votes = score.store.get(key).votes.astype(np.float32)
        views = votes.sum(0)
        counted = (true != IGNORE) & (views > 0) & (fused != IGNORE)
        if not counted.any():
            continue
        rows = true[counted]
        np.add.at(fused_matrix, (rows, fused[counted]), 1)
        share = (votes[:, counted] / views[counted]).astype(np.float64)
        for label in np.unique(rows):
            single_matrix[label] += share[:, rows == label].sum(1)
    return _iou_report(single_matrix, fused_matrix, names)


def _iou_report(single: np.ndarray, fused: np.ndarray, names: Sequence[str]) -> Dict[str, Any]:
    def iou(matrix: np.ndarray) -> np.ndarray:
        hits = np.diag(matrix)
        union = matrix.sum(0) + matrix.sum(1) - hits
        return np.where(matrix.sum(1) > 0, hits / np.maximum(union, 1e-9), np.nan)
    one, all_ = iou(single), iou(fused)
    present = np.isfinite(one)
    if not present.any():
        return {'ground_miou_single': None, 'ground_miou_fused': None, 'ground_iou': {}}
    return {
        'ground_miou_single': round(float(one[present].mean()), 4),
        'ground_miou_fused': round(float(all_[present].mean()), 4),
        'ground_iou': {name: {'single': round(float(one[i]), 4), 'fused': round(float(all_[i]), 4)}
                       for i, name in enumerate(names) if present[i]}}


def _truth_of_tile(key: Key, cell_m: float, frame: LocalFrame, truth: FlightTruth) -> np.ndarray:
    """Return the true labels at the middles of a tile's cells, (T, T) uint8."""
    east = (key[1] * TILE + np.arange(TILE) + 0.5) * cell_m
    north = (key[0] * TILE + np.arange(TILE) + 0.5) * cell_m
    east, north = np.meshgrid(east, north)
    latitude, longitude = frame.to_degrees(east.ravel(), north.ravel())
    x, y = truth.frame.to_metres(latitude, longitude)
    rows, columns = (np.asarray(v, int) for v in rowcol(truth.transform, x, y))
    height, width = truth.labels.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    found = np.full(rows.shape, IGNORE, np.uint8)
    found[inside] = truth.labels[rows[inside], columns[inside]]
    return found.reshape(TILE, TILE)


def place_scores(places: Sequence[Place], frame: LocalFrame, score: GroundScore,
                 names: Sequence[str], ground: GroundGrid) -> Dict[str, Dict[str, Any]]:
    """
    Return, for each placed class, how the alerts meet the true things.

    An alert is of a thing where most of its sightings were, by the true poses. ``things``: seen
    by the flight. ``found``: with an alert that reaches them. ``duplicates``: alerts beyond one
    of a thing. ``false``: alerts of no thing. ``error_m_p50``: of an alert from its thing's
    outline; ``middle_m_p50``: from its middle; ``reaches``, ``inside``: share of alerts whose
    stated radius reaches the outline, and the middle.

    :param score: :class:`GroundScore`.
    """
    truth = score.truth
    seen_in: Dict[int, Counter[int]] = {}
    for number, index in score.things:
        seen_in.setdefault(number, Counter())[index] += 1
    report = {}
    for name in sorted({name for name, _ in truth.things}):
        things = {i: g for i, (n, g) in enumerate(truth.things)
                  if n == name and _seen(g, frame, truth, ground)}
        alerts = [(p, _thing(p, seen_in)) for p in places if names[p.class_id] == name]
        report[name] = _match(things, alerts, frame, truth)
    return report


def _thing(place: Place, seen_in: Mapping[int, Counter[int]]) -> Optional[int]:
    """Return the index of the thing that most of a place's sightings are of, None without."""
    counts = sum((seen_in.get(number, Counter()) for number in place.numbers), Counter())
    false = counts.pop(-1, 0)
    if not counts or sum(counts.values()) <= false:
        return None
    return counts.most_common(1)[0][0]


def _match(things: Mapping[int, BaseGeometry], alerts: Sequence[Tuple[Place, Optional[int]]],
           frame: LocalFrame, truth: FlightTruth) -> Dict[str, Any]:
    found: Set[int] = set()
    claimed: Counter[int] = Counter()
    false = 0
    errors, middles, radii = [], [], []
    for place, index in alerts:
        if index is None:
            false += 1
            continue
        latitude, longitude = frame.to_degrees(place.east, place.north)
        point = Point(*truth.frame.to_metres(latitude, longitude))
        thing = truth.things[index][1]
        errors.append(point.distance(thing))
        middles.append(point.distance(thing.centroid))
        radii.append(place.uncertainty)
        claimed[index] += 1
        reach = max(LEAST_GATE_M, place.uncertainty, place.radius)
        found |= {i for i, g in things.items() if point.distance(g) <= reach}
    return {
        'things': len(things), 'found': len(found),
        'recall': round(len(found) / len(things), 3) if things else None,
        'alerts': len(alerts), 'duplicates': sum(n - 1 for n in claimed.values()),
        'false': false,
        **_percentiles('error_m', errors), **_percentiles('middle_m', middles),
        **_percentiles('uncertainty_m', radii),
        'reaches': _share(errors, radii), 'inside': _share(middles, radii)}


def _percentiles(name: str, values: Sequence[float]) -> Dict[str, Optional[float]]:
    return {f'{name}_p{p}': round(float(np.percentile(values, p)), 2) if values else None
            for p in (50, 95)}


def _share(errors: Sequence[float], radii: Sequence[float]) -> Optional[float]:
    if not errors:
        return None
    return round(float(np.mean(np.array(errors) <= np.array(radii))), 3)


def _seen(geometry: BaseGeometry, frame: LocalFrame, truth: FlightTruth,
          ground: GroundGrid) -> bool:
    """Return whether the map has the middle of a true thing in view."""
    middle = geometry.representative_point()
    latitude, longitude = truth.frame.to_degrees(middle.x, middle.y)
    east, north = frame.to_metres(latitude, longitude)
    column, row = (math.floor(v / ground.grid.cell_m) for v in (east, north))
    key = (row // TILE, column // TILE)
    if key not in set(ground.store.keys()):
        return False
    return bool(ground.store.get(key).first[row % TILE, column % TILE])
