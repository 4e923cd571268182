"""Trees and bushes: sprites lit by the sun, set out as forest, orchard, hedge and garden."""
from __future__ import annotations

from typing import List, Sequence, Tuple

import cv2
import numpy as np

from effvit_ros.flight.canvas import Canvas
from effvit_ros.flight.layout import Layout

#: Leaves by season (BGR), several kinds of tree each.
LEAVES = {
    'summer': [(44, 84, 58), (38, 74, 62), (52, 96, 74), (34, 64, 48)],
    'dry': [(48, 84, 72), (62, 98, 92), (58, 106, 108), (44, 72, 66)],
    'autumn': [(44, 92, 118), (38, 74, 132), (46, 110, 136), (40, 70, 66), (50, 76, 98)],
    'spring': [(52, 112, 84), (48, 100, 70), (66, 132, 108), (150, 160, 186)],
}
CONIFER = [(38, 58, 40), (34, 50, 38), (46, 66, 50)]
#: Picture of a crown: BGR uint8, alpha float32, radius in pixels.
Sprite = Tuple[np.ndarray, np.ndarray, float]


class Grove:
    """The trees of a map: planned first, so that their shadows fall before they are painted."""

    def __init__(self, canvas: Canvas, layout: Layout, rng: np.random.Generator,
                 taken: np.ndarray) -> None:
        self.canvas, self.layout, self.rng = canvas, layout, rng
        self.taken = taken
        self.leafy = self._sprites(LEAVES[layout.season], 30, 0.35)
        self.conifers = self._sprites(CONIFER, 12, 0.15)
        self._planted: List[Tuple[np.ndarray, np.ndarray]] = []
        for kind, outline in layout.parcels:
            self._plant(kind, outline)
        self._along_river()
        self.at = np.concatenate([at for at, _ in self._planted])
        self.kind = np.concatenate([kind for _, kind in self._planted])
        self._keep_standing()

    def _sprites(self, colours: Sequence[Tuple[int, int, int]], count: int,
                 lobes: float) -> List[Sprite]:
        """List of (BGR uint8, alpha float32, radius px): round crowns with clumps of leaves."""
        rng, ppm = self.rng, self.canvas.ppm
        sprites = []
        for i in range(count):
            # The first third are bushes.
            radius = ppm * (rng.uniform(0.5, 1.1) if i < count // 3 else rng.uniform(1.5, 3.6))
            half = int(np.ceil(radius * 1.3)) + 1
            y, x = np.mgrid[-half:half + 1, -half:half + 1].astype(np.float32)
            angle = np.arctan2(y, x)
            phase = rng.uniform(0, 6.28, 3)
            edge = 1 + lobes * 0.35 * (np.sin(3 * angle + phase[0]) + np.sin(5 * angle + phase[1])
                                       + np.sin(8 * angle + phase[2])) / 1.5
            left, top = (int(v) for v in rng.integers(0, 900, 2))
            size = 2 * half + 1
            clump = self.canvas.tile('mid', left, top, size, size).astype(np.float32)
            leaf = self.canvas.tile('fine', left, top, size, size).astype(np.float32)
            out = np.hypot(x, y) / (radius * edge) + (clump - 128) * 0.0022
            height = np.sqrt(np.clip(1 - out ** 2, 0, 1)) * radius + (clump - 128) * 0.03
            if lobes < 0.2:
                height = np.clip(1 - out, 0, 1) * radius * 1.5 + (clump - 128) * 0.02
            height = (height + (leaf - 128) * 0.008).astype(np.float32)
            slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8)
            slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
            lit = np.tanh(0.75 * (slope_x * self.layout.sun[0] + slope_y * self.layout.sun[1]))
            lit = 0.86 + 0.55 * lit + 0.002 * (leaf - 128) + 0.12 * np.clip(1 - out, 0, 1)
            colour = np.asarray(colours[i % len(colours)]) * rng.uniform(0.85, 1.15)
            picture = np.clip(np.clip(lit, 0.3, 1.7)[..., None] * colour, 0, 255)
            alpha = np.clip((1 - out) * radius * 0.7 + 0.3, 0, 1)
            sprites.append((picture.astype(np.uint8), alpha.astype(np.float32), radius))
        return sprites

    def _add(self, points: np.ndarray, conifer: bool = False, bush: bool = False) -> None:
        points = np.asarray(points, np.float64).reshape(-1, 2)
        count = len(self.conifers if conifer else self.leafy)
        low, high = (0, count // 3) if bush else (count // 3, count)
        kind = self.rng.integers(low, high, len(points)) + (1000 if conifer else 0)
        self._planted.append((points, kind))

    def _plant(self, kind: str, outline: np.ndarray) -> None:
        rng, ppm = self.rng, self.canvas.ppm
        low, high = outline.min(0), outline.max(0)
        if (high < 0).any() or (low > self.canvas.size).any():
            return
        spacing = {'forest': 4.3, 'orchard': 6.5, 'garden': 10, 'hamlet': 14, 'park': 8,
                   'scrub': 12, 'yard': 30}.get(kind, 34) * ppm
        grid = np.stack(np.meshgrid(np.arange(low[0], high[0], spacing),
                                    np.arange(low[1], high[1], spacing)), -1).reshape(-1, 2)
        grid = grid + rng.uniform(-0.5, 0.5, grid.shape) * spacing * (
            0.15 if kind == 'orchard' else 1)
        contour = outline.astype(np.float32)
        grid = grid[[cv2.pointPolygonTest(contour, (float(x), float(y)), False) > 0
                     for x, y in grid]] if len(grid) else grid
        middle = (low + high) / 2
        cold = min(self.layout.distance(z, middle) for z in ('snow', 'hill')) < 1.3
        self._add(grid, conifer=cold and kind == 'forest', bush=kind == 'scrub')
        if kind not in ('forest', 'scrub') and rng.random() < 0.55:
            # A hedge along a part of the parcel's border.
            start = int(rng.integers(len(outline)))
            border = np.roll(outline, -start, 0)[:max(2, len(outline) // 3)]
            fine = np.concatenate([np.linspace(a, b, 8, endpoint=False)
                                   for a, b in zip(border, border[1:])])
            self._add(fine + rng.normal(0, 0.5 * ppm, fine.shape), bush=True)
            self._add(fine[::rng.integers(5, 11)] + rng.normal(0, ppm, (1, 2)))

    def _along_river(self) -> None:
        rng, layout = self.rng, self.layout
        for side in (-1, 1):
            line = layout.river[rng.random(len(layout.river)) < 0.45]
            away = layout.river_half + rng.gamma(2, 4, len(line)) * self.canvas.ppm
            shift = np.array([side, 0]) if layout.upright else np.array([0, side])
            self._add(line + away[:, None] * shift)

    def _keep_standing(self) -> None:
        """Drop the trees on roads and houses, in the river and under the flows."""
        if not len(self.at):
            return
        labels = self.canvas.label_at(self.at)
        cell = np.clip((self.at / 4).astype(int), 0, self.canvas.low - 1)
        free = self.taken[cell[:, 1], cell[:, 0]] == 0
        dry = self.layout.river_distance[cell[:, 1], cell[:, 0]] > self.layout.river_half
        wet = (labels == 7) & dry & (self.rng.random(len(labels)) < 0.5)
        buried = np.isin(labels, (1, 4, 5)) & (self.rng.random(len(labels)) < 0.06)
        keep = free & ((labels == 0) | wet | buried)
        self.at, self.kind = np.round(self.at[keep]).astype(int), self.kind[keep]

    def _sprite(self, kind: int) -> Sprite:
        return self.conifers[kind - 1000] if kind >= 1000 else self.leafy[kind]

    def cast_shadows(self) -> None:
        """Throw the shadow of every crown."""
        layout = self.layout
        angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)
        ring = np.stack([np.cos(angles), np.sin(angles)], 1)
        side = np.array([-layout.sun[1], layout.sun[0]])
        for at, kind in zip(self.at, self.kind):
            radius = self._sprite(kind)[2]
            length = layout.shadow * radius / self.canvas.ppm * (2.6 if kind >= 1000 else 1.7)
            shape = ring @ np.stack([layout.sun * (radius + length / 2), side * radius])
            self.canvas.cast(at + layout.sun * length / 2 + shape)

    def paint(self) -> None:
        """Set the crowns on the map; what is under a crown becomes background."""
        canvas, size = self.canvas, self.canvas.size
        for at, kind in zip(self.at, self.kind):
            picture, alpha, _ = self._sprite(kind)
            half = alpha.shape[0] // 2
            x, y = at - half
            left, top = max(0, -x), max(0, -y)
            right, bottom = min(2 * half + 1, size - x), min(2 * half + 1, size - y)
            if right - left > 0 and bottom - top > 0:
                canvas.blend(x + left, y + top,
                             np.ascontiguousarray(alpha[top:bottom, left:right]),
                             np.ascontiguousarray(picture[top:bottom, left:right]), 0)
