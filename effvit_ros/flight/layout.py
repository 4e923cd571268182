"""The plan of a place: sun, season, zones, river, parcels and streets, before any paint."""
from __future__ import annotations

from typing import Dict, List, Optional, Tuple

import cv2
import numpy as np

from effvit_ros.flight.canvas import LOW
from effvit_ros.flight.noise import fractal, resample, spline

#: What the four corners of the map are, in an order that the seed shuffles.
CORNERS = ('volcano', 'snow', 'hill', 'quake')
EARTH = [(88, 104, 116), (118, 138, 152), (150, 168, 182)]
#: What roads are made of, dark to bright (BGR): new and old asphalt, concrete, packed earth.
ASPHALTS = (
    [(66, 65, 64), (92, 91, 90), (120, 119, 118)],
    [(84, 84, 84), (114, 113, 112), (146, 145, 144)],
    [(116, 122, 126), (148, 153, 156), (178, 182, 184)],
    EARTH,
)
#: Widths of the kinds of road, metres.
ROAD_WIDTH = {'main': 8.5, 'country': 5.5, 'street': 5.0}


class Layout:
    """
    Where everything lies, in map pixels.

    ``sun``: unit vector (x, y) along which shadows fall; ``shadow``: their length per metre
    of height, pixels. ``zones``: name -> (centre (2,), radius). ``parcels``: list of polygons
    (N, 2) with their kind. ``roads``: list of (kind, polyline (M, 2)).

    Known when they are painted: ``slide_toe``, (2,), where the landslide ends; ``flood``,
    pixels inside the flooded land, (S/LOW, S/LOW) float32.
    """

    slide_toe: np.ndarray
    flood: np.ndarray

    def __init__(self, rng: np.random.Generator, size: int, ppm: float) -> None:
        self.size, self.ppm = size, ppm
        angle = rng.uniform(0, 2 * np.pi)
        self.sun = np.array([np.cos(angle), np.sin(angle)])
        self.shadow = ppm * rng.uniform(0.35, 1.1)
        self.asphalt = ASPHALTS[rng.integers(len(ASPHALTS))]
        self.season = rng.choice(['summer', 'summer', 'dry', 'autumn', 'spring'])
        self._place_zones(rng)
        self._lay_river(rng)
        self._phase = rng.uniform(0, 2 * np.pi, 6)
        self._turn = rng.uniform(0, np.pi)
        self.parcels: List[Tuple[str, np.ndarray]] = []
        self.roads: List[Tuple[str, np.ndarray]] = []
        half = 0.78 * size
        self._divide(rng, -half, -half, half, half, 0)

    def _place_zones(self, rng: np.random.Generator) -> None:
        size = self.size
        names = rng.permutation(CORNERS)
        self.zones: Dict[str, Tuple[np.ndarray, float]] = {}
        for name, (u, v) in zip(names, ((.15, .15), (.85, .15), (.85, .85), (.15, .85))):
            centre = size * (np.array([u, v]) + rng.uniform(-0.035, 0.035, 2))
            self.zones[name] = (centre, size * rng.uniform(0.2, 0.25))
        self.upright = bool(rng.integers(2))
        side = rng.choice([-1, 1])
        for name, across in (('village', side), ('field', -side)):
            centre = np.array([0.5 + across * rng.uniform(0.13, 0.2), rng.uniform(0.42, 0.58)])
            self.zones[name] = (size * (centre if self.upright else centre[::-1]),
                                size * (0.29 if name == 'village' else 0.2))

    def _lay_river(self, rng: np.random.Generator) -> None:
        along = np.linspace(-0.05, 1.05, 8)
        across = 0.5 + rng.uniform(-0.055, 0.055, 8)
        points = np.stack([across, along] if self.upright else [along, across], 1)
        self.river = spline(points * self.size, 8.0)
        # A river of 20 to 34 m, narrower on a small map.
        self.river_half = min(rng.uniform(10, 17) * self.ppm, 0.045 * self.size)
        low = self.size // LOW
        line = np.full((low, low), 255, np.uint8)
        cv2.polylines(line, [np.round(self.river / LOW * 16).astype(np.int32)], False, 0, 1,
                      cv2.LINE_8, 4)
        ragged = 0.012 * self.size * fractal(rng, low, low / 14, 3)
        self.river_distance = LOW * cv2.distanceTransform(line, cv2.DIST_L2, 5) + ragged

    def zone_field(self, name: str, rng: Optional[np.random.Generator] = None,
                   ragged: float = 0.25) -> np.ndarray:
        """Pixels inside a zone, negative outside, (S/LOW, S/LOW) float32; ragged by noise."""
        centre, radius = self.zones[name]
        low = self.size // LOW
        # Smooth: a coarser grid will do.
        coarse = (np.arange(low // 8, dtype=np.float32) * 8 + 3.5) * LOW
        x, y = np.meshgrid(coarse, coarse)
        # Zones are corners: let them run out to the edge of the map.
        away = (np.asarray(centre) - self.size / 2)
        if name in CORNERS:
            away /= np.abs(away).max()
            x = np.where((x - centre[0]) * away[0] > 0, centre[0] + (x - centre[0]) * 0.5, x)
            y = np.where((y - centre[1]) * away[1] > 0, centre[1] + (y - centre[1]) * 0.5, y)
        field = (radius - np.hypot(x - centre[0], y - centre[1])).astype(np.float32)
        field = cv2.resize(field, (low, low), interpolation=cv2.INTER_LINEAR)
        if rng is not None:
            field += np.float32(radius * ragged) * fractal(rng, low, low / 8, 4)
        return field

    def distance(self, name: str, point: np.ndarray) -> float:
        """Distance of a point (2,) from a zone's centre in units of its radius."""
        centre, radius = self.zones[name]
        return float(np.hypot(*(point - centre)) / radius)

    def bend(self, points: np.ndarray) -> np.ndarray:
        """Turn plan coordinates (N, 2) about the middle of the map and bend them gently."""
        cos, sin = np.cos(self._turn), np.sin(self._turn)
        points = points @ np.array([[cos, sin], [-sin, cos]])
        wave = 2 * np.pi / self.size
        p = self._phase
        x, y = points[:, 0] * wave, points[:, 1] * wave
        dx = np.sin(1.1 * y + p[0]) + 0.5 * np.sin(2.3 * x + 1.7 * y + p[1])
        dy = np.sin(1.2 * x + p[2]) + 0.5 * np.sin(2.1 * y - 1.9 * x + p[3])
        return points + 0.035 * self.size * np.stack([dx, dy], 1) + self.size / 2

    def _divide(self, rng: np.random.Generator, left: float, top: float, right: float,
                bottom: float, level: int) -> None:
        """Cut a rectangle of the plan in two by a road until it is a parcel."""
        width, height = right - left, bottom - top
        middle = self.bend(np.array([[(left + right) / 2, (top + bottom) / 2]]))[0]
        away = np.abs(middle - self.size / 2).max() - 0.7 * max(width, height)
        if away > self.size / 2:
            return
        village = self.distance('village', middle) < 1 and max(width, height) < 0.5 * self.size
        limit = self.ppm * (62 if village else rng.uniform(100, 170))
        if max(width, height) < limit and level > 2:
            self.parcels.append((self._kind(rng, middle, village),
                                 self._outline(left, top, right, bottom)))
            return
        kind = self._road_kind(level, village)
        cut = rng.uniform(0.38, 0.62)
        if width > height:
            at = left + cut * width
            road = [[at, top], [at, bottom]]
            halves = (left, top, at, bottom), (at, top, right, bottom)
        else:
            at = top + cut * height
            road = [[left, at], [right, at]]
            halves = (left, top, right, at), (left, at, right, bottom)
        if kind:
            self.roads.append((kind, self.bend(resample(np.array(road), 20.0))))
        for half in halves:
            self._divide(rng, *half, level + 1)

    @staticmethod
    def _road_kind(level: int, village: bool) -> Optional[str]:
        if level < 2:
            return 'main'
        if village:
            return 'street'
        return 'country' if level < 5 else None

    def _kind(self, rng: np.random.Generator, middle: np.ndarray, village: bool) -> str:
        if village:
            return rng.choice(['garden', 'garden', 'garden', 'garden', 'garden', 'yard', 'park'])
        if self.distance('quake', middle) < 0.8:
            return rng.choice(['hamlet', 'hamlet', 'meadow', 'plough'])
        if self.distance('volcano', middle) < 1.1:
            return 'scrub'
        if self.distance('snow', middle) < 1.2 or self.distance('hill', middle) < 1.1:
            return rng.choice(['forest', 'meadow', 'forest'])
        return rng.choice(['crop', 'stubble', 'plough', 'meadow', 'pasture', 'forest', 'crop',
                           'orchard'])

    def _outline(self, left: float, top: float, right: float, bottom: float) -> np.ndarray:
        inset = 1.5 * self.ppm
        left, top, right, bottom = left + inset, top + inset, right - inset, bottom - inset
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom],
                            [left, top]])
        edges = [resample(corners[i:i + 2], 40.0)[:-1] for i in range(4)]
        return self.bend(np.concatenate(edges))
