"""Where buildings stand: along the streets of the village, on farms, and which are damaged."""
from __future__ import annotations

from typing import List, Tuple

import cv2
import numpy as np

from effvit_ros.flight.buildings import Building, ROOFS
from effvit_ros.flight.canvas import Canvas, LOW
from effvit_ros.flight.layout import Layout

#: Ground on which a house may be planned: nothing, flood water, debris, cracked earth.
BUILDABLE = (0, 4, 5, 7)


class Settlement:
    """Plan of all buildings; ``buildings`` lists them, ``taken`` is their ground (S/LOW)."""

    def __init__(self, canvas: Canvas, layout: Layout, rng: np.random.Generator) -> None:
        self.canvas, self.layout, self.rng = canvas, layout, rng
        self.taken = np.zeros((canvas.low, canvas.low), np.uint8)
        self.buildings: List[Building] = []
        # Quarters struck by the disaster: one in the village, the foot of the slide, the quake.
        village, radius = layout.zones['village']
        self.struck = [(village + rng.uniform(-0.5, 0.5, 2) * radius, 0.5 * radius),
                       (layout.slide_toe, 0.5 * layout.zones['hill'][1]),
                       (layout.zones['quake'][0], layout.zones['quake'][1])]
        style = rng.permutation(len(ROOFS))
        self.palette = [ROOFS[i] for i in style[:6]]
        for kind, outline in layout.parcels:
            if kind in ('garden', 'hamlet'):
                self._line(outline, rng.uniform(11, 17))
            elif kind == 'yard':
                self._halls(outline)
        self._farms()
        # A small scene has few buildings: both classes shall occur.
        if len(self.buildings) > 1:
            if not any(b.damage for b in self.buildings):
                self.buildings[0] = self.buildings[0]._replace(damage='collapsed')
            if all(b.damage for b in self.buildings):
                self.buildings[-1] = self.buildings[-1]._replace(damage='')

    def _line(self, outline: np.ndarray, spacing: float) -> None:
        """Houses in a row behind the street all round a parcel."""
        ppm, rng = self.canvas.ppm, self.rng
        ahead = np.roll(outline, -1, 0) - np.roll(outline, 1, 0)
        ahead /= np.maximum(np.hypot(*ahead.T), 1e-9)[:, None]
        middle = outline.mean(0)
        walked = spacing * ppm
        for here, before, along in zip(outline, np.roll(outline, 1, 0), ahead):
            walked += np.hypot(*(here - before))
            if walked < spacing * ppm:
                continue
            inward = np.array([-along[1], along[0]])
            inward *= np.sign(inward @ (middle - here))
            size = rng.uniform(8.5, 14.5) * ppm, rng.uniform(7.5, 10.5) * ppm
            centre = here + inward * (size[1] / 2 + rng.uniform(4.5, 8) * ppm)
            angle = np.arctan2(along[1], along[0]) + rng.normal(0, 0.04)
            angle += np.pi / 2 * (rng.random() < 0.25)
            if self._build(centre, size, angle, rng.choice(['gable', 'gable', 'hip', 'flat'])):
                walked = 0.0
                if rng.random() < 0.4:
                    shed = rng.uniform(3, 5, 2) * ppm
                    self._build(centre + inward * size[1] + along * rng.uniform(-6, 6) * ppm,
                                tuple(shed), angle, 'flat')

    def _halls(self, outline: np.ndarray) -> None:
        ppm, rng = self.canvas.ppm, self.rng
        along = outline[1] - outline[0]
        angle = np.arctan2(along[1], along[0])
        low, high = outline.min(0), outline.max(0)
        for _ in range(8):
            size = rng.uniform(16, 34) * ppm, rng.uniform(11, 20) * ppm
            centre = rng.uniform(low, high)
            if cv2.pointPolygonTest(outline.astype(np.float32), tuple(map(float, centre)),
                                    True) > size[0] * 0.55:
                self._build(centre, size, angle, rng.choice(['flat', 'flat', 'gable']))

    def _farms(self) -> None:
        rng, ppm = self.rng, self.canvas.ppm
        lines = [line for kind, line in self.layout.roads if kind != 'street']
        for _ in range(int(14 * self.canvas.size / 1024)):
            line = lines[rng.integers(len(lines))]
            at = int(rng.integers(1, len(line)))
            along = line[at] - line[at - 1]
            angle = np.arctan2(along[1], along[0])
            aside = np.array([-np.sin(angle), np.cos(angle)]) * rng.choice([-1, 1])
            for i in range(int(rng.integers(1, 4))):
                size = rng.uniform(9, 20) * ppm, rng.uniform(8, 12) * ppm
                centre = line[at] + aside * (14 + 15 * i) * ppm + rng.normal(0, 20, 2)
                self._build(centre, size, angle + rng.choice([0, np.pi / 2]), 'gable')

    def _build(self, centre: np.ndarray, size: Tuple[float, float], angle: float,
               roof: str) -> bool:
        rng, canvas = self.rng, self.canvas
        colour = self.palette[rng.integers(len(self.palette))]
        if roof == 'flat':
            colour = [(150, 152, 152), (116, 116, 114), (190, 192, 192), (128, 140, 150)][
                rng.integers(4)]
        colour = tuple(np.asarray(colour) * rng.uniform(0.85, 1.15))
        building = Building(np.asarray(centre), size, angle, rng.uniform(4, 8.5), roof, colour,
                            self._damage(centre))
        probe = np.concatenate([building.corners(0.8 * canvas.ppm), building.centre[None]])
        probe = np.concatenate([probe, (probe[:4] + np.roll(probe[:4], 1, 0)) / 2])
        if not np.isin(canvas.label_at(probe), BUILDABLE).all():
            return False
        at = np.clip((probe / LOW).astype(int), 0, canvas.low - 1)
        if (self.layout.river_distance[at[:, 1], at[:, 0]]
                < self.layout.river_half + 2 * canvas.ppm).any():
            return False
        outline = np.round(building.corners(1.2 * canvas.ppm) / LOW).astype(np.int32)
        x, y = np.clip(outline.min(0), 0, canvas.low - 1)
        right, bottom = np.clip(outline.max(0) + 1, 1, canvas.low)
        area = self.taken[y:bottom, x:right]
        mask = np.zeros_like(area)
        cv2.fillConvexPoly(mask, outline - (x, y), 255)
        if (mask & area).any():
            return False
        area |= mask
        self.buildings.append(building)
        return True

    def _damage(self, centre: np.ndarray) -> str:
        chance = 0.05
        for middle, radius in self.struck:
            if np.hypot(*(centre - middle)) < radius:
                chance = 0.75
        if self.rng.random() > chance:
            return ''
        return str(self.rng.choice(['holed', 'burnt', 'collapsed', 'collapsed']))
