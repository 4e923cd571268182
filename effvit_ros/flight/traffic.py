"""Vehicles on the roads and in the yards, and people in groups."""
from __future__ import annotations

from typing import List, Tuple

import cv2
import numpy as np

from effvit_ros.flight.buildings import Building
from effvit_ros.flight.canvas import Canvas
from effvit_ros.flight.layout import Layout, ROAD_WIDTH
from effvit_ros.flight.roads import offset_line, ROAD
from effvit_ros.flight.settlement import Settlement

PERSON, VEHICLE = 10, 13
PAINTS = ((232, 232, 232), (232, 232, 232), (52, 50, 50), (30, 30, 32), (150, 150, 152),
          (96, 94, 92), (40, 40, 170), (150, 84, 40), (60, 110, 60), (60, 170, 220))
CLOTHES = ((40, 40, 190), (170, 90, 40), (30, 30, 34), (230, 230, 228), (40, 190, 230),
           (60, 120, 60), (30, 120, 250), (120, 60, 130), (120, 130, 140))
SKIN = ((92, 124, 182), (60, 84, 120), (40, 50, 62), (70, 90, 130))


class Traffic:
    """Plan of vehicles (centre, angle, kind) and people (centre, angle)."""

    def __init__(self, canvas: Canvas, layout: Layout, rng: np.random.Generator,
                 settlement: Settlement) -> None:
        self.canvas, self.layout, self.rng = canvas, layout, rng
        self.taken = settlement.taken.copy()
        self.vehicles: List[Tuple[np.ndarray, float, str, float, float]] = []
        self.people: List[Tuple[np.ndarray, float]] = []
        scale = canvas.size / 4096
        self._drive(int(280 * scale ** 1.3) + 12)
        self._park(settlement.buildings)
        self._gather(int(46 * scale ** 1.3) + 6, settlement.buildings)

    def _drive(self, count: int) -> None:
        rng, ppm = self.rng, self.canvas.ppm
        lines = [(kind, line) for kind, line in self.layout.roads if len(line) > 4]
        weight = np.array([len(line) * (2.2 if kind == 'main' else 1) for kind, line in lines])
        for pick in rng.choice(len(lines), 3 * count, p=weight / weight.sum()):
            kind, line = lines[pick]
            side = rng.choice([-1, 1])
            share = 0.24 if kind == 'main' else 0.2
            lane = offset_line(line, side * ROAD_WIDTH[kind] * ppm * share)
            at = int(rng.integers(1, len(line)))
            along = (lane[at] - lane[at - 1]) * side
            point = lane[at] + rng.uniform(-0.5, 0.5) * along
            truck = 'truck' if rng.random() < 0.16 else 'car'
            self._set(point, np.arctan2(along[1], along[0]) + rng.normal(0, 0.03), truck, (ROAD,))
            if len(self.vehicles) >= count:
                return

    def _park(self, buildings: List[Building]) -> None:
        """Cars next to houses; the odd one stands in the flood or in the mud."""
        rng, ppm = self.rng, self.canvas.ppm
        for building in buildings:
            if rng.random() < 0.45:
                corners = building.corners(2.2 * ppm)
                edge = int(rng.integers(4))
                a, b = corners[edge], corners[(edge + 1) % 4]
                along = b - a
                self._set(a + along * rng.uniform(0.2, 0.8), np.arctan2(along[1], along[0]),
                          'car', (0, 5, 7, ROAD))

    def _set(self, point: np.ndarray, angle: float, kind: str, grounds: Tuple[int, ...]) -> None:
        length, width = (8.5, 2.6) if kind == 'truck' else (4.4, 1.9)
        length, width = length * self.canvas.ppm, width * self.canvas.ppm
        cos, sin = np.cos(angle), np.sin(angle)
        probe = point + np.array([[0, 0], [length / 2, 0], [-length / 2, 0]]) @ np.array(
            [[cos, sin], [-sin, cos]])
        if not np.isin(self.canvas.label_at(probe), grounds).all():
            return
        cell = np.clip((probe / 4).astype(int), 0, self.canvas.low - 1)
        if self.taken[cell[:, 1], cell[:, 0]].any():
            return
        middle = tuple(int(v) for v in cell[0])
        cv2.circle(self.taken, middle, int(length / 5), 255, -1)
        self.vehicles.append((point, angle, kind, length, width))

    def _gather(self, groups: int, buildings: List[Building]) -> None:
        """Set groups of people on streets, in gardens and next to houses."""
        rng, ppm = self.rng, self.canvas.ppm
        lines = [line for _, line in self.layout.roads]
        village = [line for kind, line in self.layout.roads if kind == 'street'] or lines
        for _ in range(3 * groups):
            place = rng.random()
            if place < 0.6 or not buildings:
                among = village if rng.random() < 0.7 else lines
                line = among[rng.integers(len(among))]
                middle = line[rng.integers(len(line))] + rng.normal(0, 3 * ppm, 2)
            else:
                building = buildings[rng.integers(len(buildings))]
                away = max(building.size) * 0.9
                turn = rng.uniform(0, 2 * np.pi)
                middle = building.centre + away * np.array([np.cos(turn), np.sin(turn)])
            count = 1 + int(rng.geometric(0.28))
            points = middle + rng.normal(0, rng.uniform(1.5, 5) * ppm, (count, 2))
            labels = self.canvas.label_at(points)
            for point, label in zip(points, labels):
                if label in (0, 4, 5, ROAD):
                    self.people.append((point, rng.uniform(0, np.pi)))
            if len(self.people) > 4.2 * groups:
                return

    def cast_shadows(self) -> None:
        """Throw the shadows of vehicles and people."""
        sun, reach = self.layout.sun, self.layout.shadow
        side = np.array([-sun[1], sun[0]])
        for point, angle, kind, length, width in self.vehicles:
            height = reach * (3.0 if kind == 'truck' else 1.4)
            cos, sin = np.cos(angle), np.sin(angle)
            corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (length / 2, width / 2)
            corners = corners @ np.array([[cos, sin], [-sin, cos]]) + point
            hull = np.concatenate([corners, corners + sun * height]).astype(np.float32)
            self.canvas.cast(cv2.convexHull(hull)[:, 0])
        for point, _ in self.people:
            end, half = sun * reach * 1.7, side * 0.3 * self.canvas.ppm
            self.canvas.cast(np.array([point - half, point + half, point + end + half,
                                       point + end - half]))

    def paint(self) -> None:
        """Set vehicles (labels 13) and people (labels 10) on the map."""
        for point, angle, kind, length, width in self.vehicles:
            picture, alpha = self._vehicle(kind, int(length), int(width))
            self.canvas.stamp(picture, alpha, point, angle, VEHICLE)
        for point, angle in self.people:
            self._person(point, angle)

    def _vehicle(self, kind: str, length: int, width: int) -> Tuple[np.ndarray, np.ndarray]:
        rng = self.rng
        paint = np.array(PAINTS[rng.integers(len(PAINTS))]) * rng.uniform(0.85, 1.1)
        picture = np.empty((width, length, 3), np.float32)
        picture[:] = paint
        glass = (70, 58, 46)
        if kind == 'truck':
            cab = int(0.24 * length)
            picture[:, :-cab] = np.array(PAINTS[rng.integers(len(PAINTS))]) * 0.95
            picture[:, -cab - 1:-cab + 1] = 24
            picture[2:-2, -cab // 2:-cab // 4] = glass
            picture[:, 4:-cab:5] *= 0.94
        else:
            picture[2:-2, int(0.60 * length):int(0.74 * length)] = glass
            picture[2:-2, int(0.12 * length):int(0.22 * length)] = glass
            picture[1:2, int(0.25 * length):int(0.58 * length)] = glass
            picture[-2:-1, int(0.25 * length):int(0.58 * length)] = glass
            picture[3:-3, int(0.27 * length):int(0.57 * length)] *= 1.1
            picture[2:4, -2:] = picture[-4:-2, -2:] = (200, 236, 240)
            picture[2:4, :1] = picture[-4:-2, :1] = (40, 40, 190)
        alpha = np.zeros((width + 2, length + 2), np.float32)
        alpha[1:-1, 1:-1] = 1
        for corner in ((1, 1), (1, -2), (-2, 1), (-2, -2)):
            alpha[corner] = 0.2
        picture = np.clip(picture, 0, 255).astype(np.uint8)
        return cv2.copyMakeBorder(picture, 1, 1, 1, 1, cv2.BORDER_REPLICATE), alpha

    def _person(self, point: np.ndarray, angle: float) -> None:
        rng, ppm = self.rng, self.canvas.ppm
        wide, deep = int(round(1.0 * ppm)) | 1, int(round(0.62 * ppm)) | 1
        picture = np.empty((deep + 2, wide + 2, 3), np.uint8)
        picture[:] = CLOTHES[rng.integers(len(CLOTHES))]
        middle = (wide // 2 + 1, deep // 2 + 1)
        picture[:, [1, -2]] = SKIN[rng.integers(len(SKIN))]
        cv2.circle(picture, middle, max(1, int(0.16 * ppm)), (28, 34, 44), -1, cv2.LINE_AA)
        body = np.zeros(picture.shape[:2], np.uint8)
        cv2.ellipse(body, middle, (wide // 2, deep // 2), 0, 0, 360, 255, -1, cv2.LINE_AA)
        self.canvas.stamp(picture, body.astype(np.float32) / 255, point, angle, PERSON, 0.4)
