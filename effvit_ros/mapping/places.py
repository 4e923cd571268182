"""Things with a place: regions of a class in single pictures, merged by where they are."""
from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import cv2
import numpy as np

from effvit_ros.mapping.camera_model import CameraModel
from effvit_ros.mapping.ground import Ground
from effvit_ros.mapping.pose_settings import CameraPose

#: Classes whose regions are given places, where a model has them.
PLACED = ('person', 'fire/flare', 'building_damaged')
#: Sigma of one axis to the radius that holds 95 % of a round two-dimensional normal.
R95 = 2.448
#: Share of a look's variance that all looks have in common: receivers and mounts drift slowly,
#: so looking again does not make a place as much surer as independent looks would.
COMMON = 0.5
#: Sigma of one axis of where a thing is in its region, as a share of the region's radius (half
#: the diagonal of its box): regions are cut differently from look to look, and hold a part of
#: their neighbours. 95 % within 0.6 of the radius, as regions of simulated flights had it.
EXTENT = 0.25
#: Regions of fewer pixels are noise.
LEAST_PIXELS = 6
#: Metres within which regions of a class are one thing whatever their certainty.
LEAST_GATE_M = 3.0
#: Deviations within which two looks are at one thing.
GATE_SIGMAS = 2.5
#: Looks that make a thing news.
LOOKS = 3


class Sighting(NamedTuple):
    """A region on the ground: metres east, north; sigma of an axis; radius; pixels."""

    class_id: int
    east: float
    north: float
    sigma: float
    radius: float
    pixels: int
    confidence: float


class Place:
    """One thing, of all its sightings; lengths in metres, times in nanoseconds."""

    def __init__(self, sighting: Sighting, stamp_ns: int, number: int = 0) -> None:
        """Begin with one sighting; ``number`` tells places apart, also when they are made one."""
        self.class_id = sighting.class_id
        self.numbers = [number]
        self.looks, self.at_once, self.sightings = 0, 0, 0
        self.first_ns = self.last_ns = stamp_ns
        self.confidence = 0.0
        # Sums over the sightings: of 1 / variance; by area / variance of 1, places, their squares
        # and radii: a piece of a thing tells less of where its middle is than all of it.
        self._certainty = 0.0
        self._weight = self._east = self._north = self._squares = self._radius = 0.0
        self._of_stamp: Tuple[Optional[int], int] = (None, 0)
        self.add(sighting, stamp_ns)

    @property
    def east(self) -> float:
        """Return the mean."""
        return self._east / self._weight

    @property
    def north(self) -> float:
        """Return the mean."""
        return self._north / self._weight

    @property
    def radius(self) -> float:
        """Return the mean radius of its regions."""
        return self._radius / self._weight

    @property
    def sigma(self) -> float:
        """
        Return the deviation of one axis.

        Of one look it is what its pose and the size of the thing tell, or how far apart the looks
        really lie, where that is more.
        """
        told = self.sightings / self._certainty + (EXTENT * self.radius) ** 2
        seen = 0.0
        if self.sightings > 1:
            spread = self._squares / self._weight - self.east ** 2 - self.north ** 2
            seen = 0.5 * spread * self.sightings / (self.sightings - 1)
        return math.sqrt(max(told, seen) * (COMMON + (1 - COMMON) / self.looks))

    @property
    def uncertainty(self) -> float:
        """Return the radius that holds the thing's middle in 95 of 100 cases."""
        return R95 * self.sigma

    def add(self, sighting: Sighting, stamp_ns: int) -> None:
        """Take in a sighting."""
        certainty = sighting.sigma ** -2
        weight = certainty * sighting.radius ** 2
        self._certainty += certainty
        self._weight += weight
        self._east += weight * sighting.east
        self._north += weight * sighting.north
        self._squares += weight * (sighting.east ** 2 + sighting.north ** 2)
        self._radius += weight * sighting.radius
        self.sightings += 1
        self.confidence = max(self.confidence, sighting.confidence)
        self.first_ns, self.last_ns = (min(self.first_ns, stamp_ns), max(self.last_ns, stamp_ns))
        stamp, count = self._of_stamp
        # Several regions of one picture are several of its kind, but one look.
        count = count + 1 if stamp == stamp_ns else 1
        self._of_stamp = (stamp_ns, count)
        self.looks += count == 1
        self.at_once = max(self.at_once, count)

    def absorb(self, other: Place) -> None:
        """Take in another place of the same thing."""
        for name in ('_weight', '_east', '_north', '_squares', '_radius', '_certainty',
                     'sightings', 'looks'):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.numbers = self.numbers + other.numbers
        self.at_once = max(self.at_once, other.at_once)
        self.confidence = max(self.confidence, other.confidence)
        self.first_ns = min(self.first_ns, other.first_ns)
        self.last_ns = max(self.last_ns, other.last_ns)

    def state(self) -> Dict[str, Any]:
        """Return all of it in JSON's types; :meth:`restored` takes it."""
        return {name: value for name, value in vars(self).items()}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Place:
        """Return the place of a :meth:`state`."""
        place = cls.__new__(cls)
        vars(place).update(state)
        stamp, count = place._of_stamp
        place._of_stamp = (stamp, count)
        return place


class PlaceMerger:
    """Merges sightings by class and ground position."""

    def __init__(self) -> None:
        """Start without places."""
        self.places: List[Place] = []
        # A row for each place, and room for more: class, east, north, reach. A long flight has
        # thousands, and each sighting asks which of them are near.
        self._rows = np.empty((64, 4))

    def add(self, sightings: Sequence[Sighting], stamp_ns: int) -> List[Place]:
        """
        Take in the sightings of one picture.

        :returns: the place of each sighting; one whose ``looks`` are :data:`LOOKS` has just become
            news.
        """
        places = []
        for sighting in sightings:
            place = self._nearest(sighting)
            if place is None:
                place = Place(sighting, stamp_ns, len(self.places))
                self.places.append(place)
            else:
                place.add(sighting, stamp_ns)
            self._note(place)
            places.append(place)
        return places

    def known(self) -> List[Place]:
        """Return the places seen :data:`LOOKS` times or more, overlapping ones made one."""
        merged: List[Place] = []
        for place in sorted(self.places, key=lambda p: -p.looks):
            if place.looks < LOOKS:
                continue
            near = next((m for m in merged if m.class_id == place.class_id and _same(m, place)),
                        None)
            if near is None:
                merged.append(Place.restored(place.state()))
            else:
                near.absorb(place)
        return merged

    def state(self) -> List[Dict[str, Any]]:
        """Return all of it in JSON's types."""
        return [place.state() for place in self.places]

    def resume(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Take up what :meth:`state` returned."""
        self.places = [Place.restored(place) for place in state]
        for place in self.places:
            self._note(place)

    def _nearest(self, sighting: Sighting) -> Optional[Place]:
        rows = self._rows[:len(self.places)]
        away = np.hypot(rows[:, 1] - sighting.east, rows[:, 2] - sighting.north)
        near = np.nonzero((rows[:, 0] == sighting.class_id)
                          & (away < rows[:, 3] + _reach(sighting)))[0]
        found = [(away[i], i) for i in near if _same(self.places[i], sighting)]
        return self.places[min(found)[1]] if found else None

    def _note(self, place: Place) -> None:
        number = place.numbers[0]
        if number >= len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            self._note(place)
            return
        self._rows[number] = place.class_id, place.east, place.north, _reach(place)


def _reach(one: Union[Place, Sighting]) -> float:
    """Return a distance; two are never the same thing beyond the sum of theirs."""
    return max(LEAST_GATE_M, GATE_SIGMAS * one.sigma, one.radius)


def _same(a: Place, b: Union[Place, Sighting]) -> bool:
    gate = max(LEAST_GATE_M, GATE_SIGMAS * math.hypot(a.sigma, b.sigma), a.radius, b.radius)
    return math.hypot(a.east - b.east, a.north - b.north) < gate


def placed_ids(names: Sequence[str]) -> List[int]:
    """Return the ids of :data:`PLACED` classes that a model with these class names has."""
    return [i for i, name in enumerate(names) if name in PLACED]


def sightings(labels: np.ndarray, confidence: Optional[np.ndarray], class_ids: Sequence[int],
              camera: CameraModel, pose: CameraPose, ground: Ground,
              widest_angle_deg: float = 60.0) -> List[Sighting]:
    """
    Return a :class:`Sighting` for each region of these classes that a picture shows whole.

    :param labels: (height, width) uint8 of the camera's size.
    :param confidence: the same, 0..255, or None.
    """
    found = []
    for class_id in class_ids:
        mask = (labels == class_id).view(np.uint8)
        if not cv2.countNonZero(mask):
            continue
        count, ids, stats, centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
        for i in range(1, count):
            x, y, width, height, pixels = (int(v) for v in stats[i])
            cut = (x == 0 or y == 0 or x + width == camera.width or y + height == camera.height)
            if pixels < LEAST_PIXELS or cut:
                continue
            where = _on_ground(centres[i], camera, pose, ground, widest_angle_deg)
            if where is None:
                continue
            east, north, sigma, gsd = where
            sure = 1.0 if confidence is None else float(
                confidence[y:y + height, x:x + width][ids[y:y + height, x:x + width] == i].mean()
            ) / 255
            radius = 0.5 * math.hypot(width, height) * gsd
            found.append(Sighting(class_id, east, north, sigma, radius, pixels, sure))
    return found


def _on_ground(pixel: np.ndarray, camera: CameraModel, pose: CameraPose,
               ground: Ground,
               widest_angle_deg: float) -> Optional[Tuple[float, float, float, float]]:
    """Return (east, north, sigma of an axis, metres of a pixel), or None."""
    ray = pose.rotation @ camera.rays(pixel[None])[0]
    level = float(np.hypot(*ray[:2]))
    angle = math.atan2(level, -ray[2])
    if not angle < math.radians(widest_angle_deg):
        return None
    east, north = (float(v) for v in pose.position[:2])
    z = float(ground.height(east, north))
    # On terrain: where the ray is at the height of the ground that it was last found over.
    for _ in range(8):
        part = (pose.position[2] - z) / -ray[2]
        there = pose.position + part * ray
        under = float(ground.height(there[0], there[1]))
        if not math.isfinite(under):
            return None
        if abs(under - z) < 0.05:
            break
        z = under
    height = pose.position[2] - z
    tan = math.tan(angle)
    focal = math.sqrt(camera.k[0, 0] * camera.k[1, 1])
    gsd = height / math.cos(angle) / focal
    tilt = max(pose.sigma_attitude[:2])
    # The worse axis, along the view: tilt moves it by h / cos^2, height by tan.
    parts = (max(pose.sigma_position[:2]), height * (1 + tan * tan) * tilt,
             height * tan * pose.sigma_attitude[2], tan * pose.sigma_position[2], gsd)
    return float(there[0]), float(there[1]), math.sqrt(sum(p * p for p in parts)), gsd
