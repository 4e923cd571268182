"""The map that grows: pictures in, grids and features out; used from one thread at a time."""
from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from effvit_ros.core.alerts import Alert, Place, RAISED
from effvit_ros.core.classes import ClassSet, IGNORE
from effvit_ros.mapping import places
from effvit_ros.mapping.bag_map import BagMap, MapSettings
from effvit_ros.mapping.camera_model import CameraModel
from effvit_ros.mapping.geodesy import LocalFrame
from effvit_ros.mapping.ground import Plane
from effvit_ros.mapping.ground_grid import GroundGrid, tile_windows
from effvit_ros.mapping.map_files import write_files
from effvit_ros.mapping.outlines import all_outlines, to_geometry
from effvit_ros.mapping.places import LOOKS, placed_ids, PlaceMerger, sightings
from effvit_ros.mapping.pose_settings import CameraPose
from effvit_ros.mapping.projection import footprint, Grid
from effvit_ros.mapping.rasters import map_transform
from effvit_ros.mapping.tiles import empty_tile, TILE, TileStore
from effvit_ros.mapping.trajectory import Trajectory
from effvit_ros.mapping.vectors import place_feature

#: Cells of the map's side, at most, that one message shows: about the newest picture.
WIDEST = 8 * TILE
#: Square metres of the smallest outline in messages, and by how many cells outlines may be off.
LEAST_AREA_M2, TOLERANCE_CELLS = 4.0, 1.5


class Shown(NamedTuple):
    """
    The map about the newest picture at one moment, which any thread may read.

    ``labels``: (H, W) uint8, row 0 in the south, 255 unseen, whose first cell is (``south``,
    ``west``) in cells of ``cell_m`` metres. ``things``: those that are known.
    """

    labels: np.ndarray
    south: int
    west: int
    cell_m: float
    frame: LocalFrame
    names: Sequence[str]
    things: List[places.Place]

    def features(self) -> List[Dict[str, Any]]:
        """Return GeoJSON features: simplified regions and the things with a place."""
        found = []
        north_up = np.ascontiguousarray(self.labels[::-1])
        transform = map_transform((self.south, self.west, *self.labels.shape), self.cell_m)
        mask = (north_up > 0) & (north_up < len(self.names))
        for class_id, polygon in all_outlines(north_up, transform, mask):
            if polygon.area < LEAST_AREA_M2:
                continue
            smooth = polygon.simplify(TOLERANCE_CELLS * self.cell_m)
            found.append({
                'type': 'Feature',
                'geometry': to_geometry(smooth, self.frame).__geo_interface__,
                'properties': {'kind': 'region', 'class': self.names[class_id],
                               'area_m2': round(float(polygon.area), 1)}})
        return found + [place_feature(place, self.frame, self.names) for place in self.things]


class LiveMap:
    """Owns the tiles, which are gone with it."""

    def __init__(self, classes: ClassSet, trajectory: Trajectory, grid: Grid, folder: str,
                 memory_mb: int) -> None:
        """
        Start empty.

        :param classes: :class:`~effvit_ros.core.classes.ClassSet`.
        :param folder: of the tiles' folder; '' for the system's temporary one.
        """
        self.classes = classes
        self._trajectory = trajectory
        if folder:
            Path(folder).expanduser().mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(
            prefix='effvit_map_', dir=Path(folder).expanduser() if folder else None))
        count = len(classes)
        self.ground = GroundGrid(
            TileStore(self._folder, lambda: empty_tile(count), memory_mb), grid)
        self._merger = PlaceMerger()
        self._ids = placed_ids(classes.names)
        self._surface = Plane()
        self._begin_ns = self._end_ns = -1  # of the first and the last picture
        self._middle = (0, 0)
        # Of the tiles about the newest picture; fusing them anew for each message would cost
        # more than mapping does.
        self._fused: Dict[Tuple[int, int], np.ndarray] = {}
        self._numbers: Dict[Tuple[int, int, int, int], int] = {}
        self.mapped = self.assumed = 0
        self._track: List[List[float]] = []

    def add(self, labels: np.ndarray, confidence: Optional[np.ndarray], camera: CameraModel,
            pose: CameraPose, stamp_ns: int) -> bool:
        """
        Add one picture's labels, (height, width) uint8.

        :param confidence: the same, 0..255, or None: labels are taken as certain.

        :returns: whether the alerts changed.
        :raises PoseProblem: it can't be laid on the ground.
        """
        grid = self.ground.grid
        place = footprint(camera, pose, self._surface, grid)
        if self._begin_ns < 0:
            self._begin_ns = self._end_ns = stamp_ns
        self._end_ns = max(self._end_ns, stamp_ns)
        self.ground.add(place, labels, confidence, None,
                        max(0, (stamp_ns - self._begin_ns) // 10**6))
        for key, _, _ in tile_windows(place.row, place.column, *place.u.shape):
            self._fused.pop(key, None)
        self._middle = (place.row + place.u.shape[0] // 2, place.column + place.u.shape[1] // 2)
        self.mapped += 1
        self.assumed += pose.assumed
        if self.mapped % 10 == 1:
            self._track.append([round(float(v), 2) for v in pose.position])
        seen = self._merger.add(
            sightings(labels, confidence, self._ids, camera, pose, self._surface,
                      grid.widest_angle_deg), stamp_ns)
        return any(place.looks == LOOKS for place in seen)

    def alerts(self) -> List[Alert]:
        """Return the :class:`~effvit_ros.core.alerts.Alert` of each thing that is known."""
        return [Alert(self.classes.names[p.class_id], RAISED, 0.0,
                      Place(*self._degrees(p), round(p.uncertainty, 1)), self._name(p))
                for p in self._merger.known()]

    def shown(self) -> Optional[Shown]:
        """Return what messages show, :class:`Shown`; None for an empty map."""
        keys = self.ground.store.keys()
        if not keys:
            return None
        half = WIDEST // TILE // 2
        row, column = (v // TILE for v in self._middle)
        near = [k for k in keys if abs(k[0] - row) <= half and abs(k[1] - column) <= half]
        south, west = min(k[0] for k in near), min(k[1] for k in near)
        shape = ((max(k[0] for k in near) - south + 1) * TILE,
                 (max(k[1] for k in near) - west + 1) * TILE)
        labels = np.full(shape, IGNORE, np.uint8)
        self._fused = {key: self._fused[key] if key in self._fused
                       else self.ground.fused_tile(key).labels for key in near}
        for key, fused in self._fused.items():
            at = (key[0] - south) * TILE, (key[1] - west) * TILE
            labels[at[0]:at[0] + TILE, at[1]:at[1] + TILE] = fused
        return Shown(labels, south * TILE, west * TILE, self.ground.grid.cell_m,
                     self._trajectory.known_frame(), self.classes.names, self._merger.known())

    def save(self, out: str, topics: Dict[str, str]) -> Path:
        """
        Write the map's files into a new folder of ``out`` and return it.

        :raises UserError: they can't be written.
        """
        made = BagMap(
            self.ground, self._trajectory, self.classes.names, self.classes.palette,
            self._merger.known(), self._begin_ns, self._end_ns, self.mapped, {}, {},
            self.assumed, 0.0, topics, self._track)
        stamp = np.datetime64(self._end_ns, 'ns').astype('datetime64[s]').item()
        target = Path(out).expanduser() / stamp.strftime('map_%Y%m%d_%H%M%S')
        write_files(made, MapSettings(poses=self._trajectory.settings, grid=self.ground.grid),
                    'the live map', target)
        return target

    def close(self) -> None:
        """Remove the tiles."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _degrees(self, place: places.Place) -> Tuple[float, float]:
        latitude, longitude = self._trajectory.known_frame().to_degrees(place.east, place.north)
        return float(latitude), float(longitude)

    def _name(self, place: places.Place) -> str:
        """Return a name that a thing keeps: things are told apart by when they were first seen."""
        key = place.class_id, place.first_ns, round(place.east), round(place.north)
        near = next((k for k in self._numbers if k[0] == key[0] and k[1] == key[1]
                     and abs(k[2] - key[2]) + abs(k[3] - key[3]) < 20), key)
        number = self._numbers.setdefault(near, len(self._numbers) + 1)
        return f'{self.classes.names[place.class_id]} {number}'


