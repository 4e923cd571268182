"""The map against the truth of a simulated flight: classes, places, positions."""
from __future__ import annotations

import math

import numpy as np
import shapely
from rasterio.transform import rowcol
from shapely.geometry import Point

from effvit_ros.core.classes import IGNORE
from effvit_ros.mapping.places import LEAST_GATE_M
from effvit_ros.mapping.tiles import TILE


class GroundScore:
    """Where a picture's pixels were put, against where they are."""

    def __init__(self, truth):
        """Take a :class:`~effvit_ros.mapping.flight_truth.FlightTruth`."""
        self._truth = truth
        self.errors = []

    def add(self, stamp_ns, camera, pose, frame, ground, widest_angle_deg):
        """Note how far pixels of one picture are put from where they are, metres."""
        true = self._truth.poses.get(stamp_ns)
        if true is None:
            return
        u, v = np.meshgrid(np.linspace(0, camera.width - 1, 7),
                           np.linspace(0, camera.height - 1, 5))
        rays = camera.rays(np.column_stack([u.ravel(), v.ravel()]))
        put = _hits(rays, pose.position, pose.rotation, widest_angle_deg)
        is_at = _hits(rays, *true, widest_angle_deg)
        # One origin may not be the other's.
        latitude, longitude = frame.to_degrees(put[:, 0], put[:, 1])
        put = np.column_stack(self._truth.frame.to_metres(latitude, longitude))
        errors = np.hypot(*(put - is_at).T)
        self.errors += [round(float(e), 4) for e in errors[np.isfinite(errors)]]

    def report(self):
        """Return percentiles in metres; None without any."""
        if not self.errors:
            return {'position_error_m_p50': None, 'position_error_m_p95': None}
        p50, p95 = np.percentile(self.errors, [50, 95])
        return {'position_error_m_p50': round(float(p50), 3),
                'position_error_m_p95': round(float(p95), 3)}


def _hits(rays, position, rotation, widest_angle_deg):
    """Return where rays meet z = 0, (n, 2); NaN beyond the largest viewing angle."""
    rays = rays @ rotation.T
    with np.errstate(divide='ignore', invalid='ignore'):
        hits = position[:2] + rays[:, :2] * (position[2] / -rays[:, 2])[:, None]
    angle = np.arctan2(np.hypot(rays[:, 0], rays[:, 1]), -rays[:, 2])
    hits[angle > math.radians(widest_angle_deg)] = np.nan
    return hits


def class_scores(ground, frame, truth, names):
    """
    Return mIoU on the ground: of the fused map, and of the labels of single pictures.

    Both over the same cells, each of which counts once: where several pictures saw it, each
    picture's label counts by its share. The store must have kept votes.
    """
    n = len(names)
    fused_matrix = np.zeros((n, n), np.float64)
    single_matrix = np.zeros((n, n), np.float64)
    for key in ground.store.keys():
        tile = ground.store.get(key)
        fused = ground.fused_tile(key).labels
        true = _truth_of_tile(key, ground.grid.cell_m, frame, truth)
        votes = tile.votes.astype(np.float32)
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


def _iou_report(single, fused, names):
    def iou(matrix):
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


def _truth_of_tile(key, cell_m, frame, truth):
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


def place_scores(places, frame, truth, names, ground):
    """
    Return, for each placed class, how the alerts meet the true things.

    ``things``: seen by the flight. ``found``: with an alert within its uncertainty or
    3 metres. ``duplicates``: alerts beyond one at a thing. ``false``: alerts without a thing.
    ``error_m_p50``: of an alert from its thing's outline; ``inside``: share of alerts whose
    error is within the stated uncertainty.
    """
    report = {}
    for name in sorted({name for name, _ in truth.things}):
        things = [g for n, g in truth.things if n == name and _seen(g, frame, truth, ground)]
        alerts = [p for p in places if names[p.class_id] == name]
        report[name] = _match(things, alerts, frame, truth)
    return report


def _match(things, alerts, frame, truth):
    tree = shapely.STRtree(things)
    claimed, errors, inside, false = {}, [], 0, 0
    found = set()
    for place in alerts:
        latitude, longitude = frame.to_degrees(place.east, place.north)
        point = Point(*truth.frame.to_metres(latitude, longitude))
        gate = max(LEAST_GATE_M, place.uncertainty)
        near = tree.nearest(point) if things else None
        distance = point.distance(things[near]) if near is not None else math.inf
        # Far off for its own certainty, but still about this thing.
        if distance > 2 * gate:
            false += 1
            continue
        errors.append(distance)
        inside += distance <= place.uncertainty
        claimed[near] = claimed.get(near, 0) + 1
        reach = max(gate, place.radius)
        found |= {int(i) for i in tree.query(point.buffer(reach), predicate='intersects')}
    matched = len(errors)
    return {
        'things': len(things), 'found': len(found),
        'recall': round(len(found) / len(things), 3) if things else None,
        'alerts': len(alerts), 'duplicates': sum(n - 1 for n in claimed.values()),
        'false': false,
        'error_m_p50': round(float(np.percentile(errors, 50)), 2) if errors else None,
        'error_m_p95': round(float(np.percentile(errors, 95)), 2) if errors else None,
        'inside': round(inside / matched, 3) if matched else None}


def _seen(geometry, frame, truth, ground):
    """Return whether the map has the middle of a true thing in view."""
    middle = geometry.representative_point()
    latitude, longitude = truth.frame.to_degrees(middle.x, middle.y)
    east, north = frame.to_metres(latitude, longitude)
    column, row = (math.floor(v / ground.grid.cell_m) for v in (east, north))
    key = (row // TILE, column // TILE)
    if key not in set(ground.store.keys()):
        return False
    return bool(ground.store.get(key).first[row % TILE, column % TILE])
