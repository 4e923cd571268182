"""The map under construction: orthophoto, label map, shadows, and the ways to paint on them."""
from __future__ import annotations

import functools
from typing import Dict, Iterator, NamedTuple, Optional, Sequence, Tuple

import cv2
import numpy as np

from effvit_ros.flight.noise import cellular_tile, fractal, spectral_tile, TILE

#: The map is painted in blocks of this edge: they stay in the cache, empty ones are skipped.
BLOCK = 256
#: Fields (heights, zones, distances) are kept at 1/LOW of the map's resolution.
LOW = 4


class Material(NamedTuple):
    """
    A surface: ``ramp``, BGR colours from dark to bright, looked up by noise.

    ``macro``, ``mid``, ``fine``, ``stone``: how much of each noise goes into the look-up.
    """

    ramp: Sequence[Tuple[int, int, int]]
    macro: float = 0.5
    mid: float = 0.5
    fine: float = 0.35
    stone: float = 0.0

    def table(self) -> np.ndarray:
        """Return the colour of each of the 256 noise values, (256, 1, 3) uint8."""
        return _table(tuple(map(tuple, self.ramp)))


@functools.lru_cache(maxsize=256)
def _table(ramp: Tuple[Tuple[int, ...], ...]) -> np.ndarray:
    at = np.linspace(0, 255, len(ramp))
    levels = np.arange(256)
    table = np.stack([np.interp(levels, at, channel) for channel in zip(*ramp)], -1)
    return np.clip(table, 0, 255).astype(np.uint8)[:, None]


class Canvas:
    """
    ``image`` (S, S, 3) uint8 BGR, ``labels`` (S, S) uint8, ``shadow`` (S/2, S/2) uint8.

    ``ppm``: pixels per metre. ``relief``: (S/LOW, S/LOW) float32, brightness by the slope of
    the ground, 1 on level ground.
    """

    def __init__(self, rng: np.random.Generator, size: int, ppm: float) -> None:
        self.size = size
        self.ppm = ppm
        self.image = np.zeros((size, size, 3), np.uint8)
        self.labels = np.zeros((size, size), np.uint8)
        self.shadow = np.zeros((size // 2, size // 2), np.uint8)
        self.low = size // LOW
        self.relief: np.ndarray = np.ones((self.low, self.low), np.float32)
        self.tiles = {
            'mid': self._doubled(spectral_tile(rng, 200, 5, 1.3)),
            'fine': self._doubled(spectral_tile(rng, 9, 2, 0.3)),
            'stone': self._doubled(cellular_tile(rng, 9)),
        }
        self._mixtures: Dict[Tuple[float, float, float], np.ndarray] = {}
        self.macro = np.clip(128 + 80 * fractal(rng, self.low, 70, 5, 0.55), 0, 255
                             ).astype(np.uint8)
        self.edge = fractal(rng, self.low, 24, 3, 0.6)

    @staticmethod
    def _doubled(tile: np.ndarray) -> np.ndarray:
        return np.tile(tile, (2, 2))

    def tile(self, name: str, x: int, y: int, w: int, h: int) -> np.ndarray:
        """Crop (h, w) of a seamless tile as it lies over the map at x, y; w, h <= TILE."""
        x, y = x % TILE, y % TILE
        return self.tiles[name][y:y + h, x:x + w]

    def upsample(self, field: np.ndarray, x: int, y: int, w: int, h: int) -> np.ndarray:
        """(h, w) block of a low-resolution field at full resolution, bilinear."""
        left, top = x // LOW, y // LOW
        right, bottom = (x + w - 1) // LOW + 1, (y + h - 1) // LOW + 1
        n = self.low
        part = field[max(0, top - 1):bottom + 1, max(0, left - 1):right + 1]
        part = cv2.copyMakeBorder(part, int(top == 0), int(bottom == n), int(left == 0),
                                  int(right == n), cv2.BORDER_REPLICATE)
        part = cv2.resize(part, None, fx=LOW, fy=LOW, interpolation=cv2.INTER_LINEAR)
        x, y = LOW + x % LOW, LOW + y % LOW
        return part[y:y + h, x:x + w]

    def texture(self, material: Material, x: int, y: int, w: int, h: int) -> np.ndarray:
        """Surface of ``material`` at x, y: (h, w, 3) uint8."""
        index = self._grain(material)
        index = index[y % TILE:y % TILE + h, x % TILE:x % TILE + w]
        if material.macro:
            index = cv2.addWeighted(index, 1, self.upsample(self.macro, x, y, w, h),
                                    material.macro, -128 * material.macro)
        return cv2.LUT(cv2.merge([index] * 3), material.table())

    def _grain(self, material: Material) -> np.ndarray:
        """Tile (2 * TILE, 2 * TILE) uint8 with the material's mixture of small noises."""
        key = material.mid, material.fine, material.stone
        if key not in self._mixtures:
            mid, fine, stone = (self.tile(name, 0, 0, TILE, TILE)
                                for name in ('mid', 'fine', 'stone'))
            mixture = cv2.addWeighted(mid, material.mid, fine, material.fine,
                                      128 * (1 - material.mid - material.fine))
            if material.stone:
                mixture = cv2.addWeighted(mixture, 1, stone, material.stone,
                                          -128 * material.stone)
            self._mixtures[key] = self._doubled(mixture)
        return self._mixtures[key]

    def blocks(self) -> Iterator[Tuple[int, int, int, int]]:
        """Yield (x, y, w, h) of the blocks that cover the map."""
        for y in range(0, self.size, BLOCK):
            for x in range(0, self.size, BLOCK):
                yield x, y, min(BLOCK, self.size - x), min(BLOCK, self.size - y)

    def blend(self, x: int, y: int, alpha: np.ndarray, texture: np.ndarray,
              label: Optional[int] = None, cut: float = 0.5) -> None:
        """
        Lay ``texture`` (h, w, 3) uint8 over the map at x, y by ``alpha`` (h, w) float32, 0..1.

        Where ``alpha`` reaches ``cut`` the labels become ``label``; None leaves them.
        """
        alpha = alpha.astype(np.float32, copy=False)
        h, w = alpha.shape
        area = self.image[y:y + h, x:x + w]
        if w * h > 4096 and alpha.min() >= 1:
            area[:] = texture
        else:
            area[:] = cv2.blendLinear(texture, area, alpha, 1 - alpha)
        if label is not None:
            self.labels[y:y + h, x:x + w][alpha >= cut] = label

    def paint_field(self, field: np.ndarray, material: Material, label: Optional[int] = None,
                    soft: float = 4.0, rough: float = 6.0, alpha: float = 1.0,
                    cut: float = 0.5) -> None:
        """
        Paint ``material`` where a low-resolution ``field`` (pixels inside) is above zero.

        ``soft``: width of the border, pixels. ``rough``: pixels by which noise moves it.
        ``alpha``: opacity of the middle.
        """
        for x, y, w, h in self.blocks():
            part = field[max(0, y // LOW - 1):(y + h) // LOW + 1,
                         max(0, x // LOW - 1):(x + w) // LOW + 1]
            if part.max() < -2 * rough - soft:
                continue
            if part.min() > 3.5 * rough + soft:
                opacity = np.full((h, w), alpha, np.float32)
            else:
                inside = self.upsample(field, x, y, w, h)
                if rough:
                    inside = inside + rough * self.upsample(self.edge, x, y, w, h)
                    grain = self.tile('mid', x, y, w, h)
                    inside += cv2.addWeighted(grain, rough / 80, grain, 0, -128 * rough / 80,
                                              dtype=cv2.CV_32F)
                opacity = np.clip(inside * (alpha / soft) + 0.5 * alpha, 0, alpha)
            self._cover(x, y, opacity, material, label, cut * alpha)

    def paint_alpha(self, field: np.ndarray, material: Material) -> None:
        """Paint ``material`` with the opacity of a low-resolution ``field``, 0..1."""
        for x, y, w, h in self.blocks():
            if field[y // LOW:(y + h) // LOW, x // LOW:(x + w) // LOW].max() > 0.01:
                self._cover(x, y, self.upsample(field, x, y, w, h), material)

    def paint_mask(self, mask: np.ndarray, material: Material, label: Optional[int] = None,
                   alpha: float = 1.0) -> None:
        """Paint ``material`` by a full-size (S, S) uint8 mask, 255 = opaque."""
        for x, y, w, h in self.blocks():
            part = mask[y:y + h, x:x + w]
            if part.any():
                opacity = part * np.float32(alpha / 255)
                self._cover(x, y, opacity, material, label, 0.5 * alpha)

    def _cover(self, x: int, y: int, opacity: np.ndarray, material: Material,
               label: Optional[int] = None, cut: float = 0.5) -> None:
        """Blend ``material`` in over the part of a block where ``opacity`` is above zero."""
        left, top, w, h = cv2.boundingRect((opacity > 0).view(np.uint8))
        if w and h:
            self.blend(x + left, y + top, opacity[top:top + h, left:left + w],
                       self.texture(material, x + left, y + top, w, h), label, cut)

    def box(self, points: np.ndarray, margin: int = 2) -> Tuple[int, int, int, int]:
        """Clipped bounding box x, y, w, h of points (N, 2); w or h is 0 when off the map."""
        low = np.floor(points.min(0)).astype(int) - margin
        high = np.ceil(points.max(0)).astype(int) + margin + 1
        x, y = np.clip(low, 0, self.size)
        right, bottom = np.clip(high, 0, self.size)
        return int(x), int(y), int(right - x), int(bottom - y)

    def polygon_alpha(self, points: np.ndarray,
                      soft: int = 0) -> Optional[Tuple[int, int, np.ndarray]]:
        """Opacity of a polygon, (x, y, alpha (h, w) float32), or None when off the map."""
        x, y, w, h = self.box(points, 2 + int(soft))
        if w <= 0 or h <= 0:
            return None
        mask: np.ndarray = np.zeros((h, w), np.uint8)
        shifted = np.round((points - (x, y)) * 16).astype(np.int32)
        cv2.fillPoly(mask, [shifted], 255, cv2.LINE_AA, 4)
        if soft:
            mask = cv2.blur(mask, (2 * soft + 1, 2 * soft + 1))
        return x, y, mask.astype(np.float32) * (1 / 255)

    def cast(self, points: np.ndarray) -> None:
        """Darken a polygon (N, 2) of shadow; :meth:`apply_light` brings it into the picture."""
        shifted = np.round(np.asarray(points) * 8).astype(np.int32)
        cv2.fillPoly(self.shadow, [shifted], 255, cv2.LINE_8, 4)

    def apply_light(self) -> None:
        """Multiply the picture with relief and the shadows cast so far (bluish, soft)."""
        levels = np.arange(256)[:, None]
        table = np.clip(128 * (1 - levels / 255 * np.array([[0.46, 0.54, 0.58]])), 0, 255)
        table = table.astype(np.uint8)[:, None]
        soft = cv2.blur(self.shadow, (3, 3))
        relief = np.clip(128 * self.relief, 0, 255).astype(np.uint8)
        for x, y, w, h in self.blocks():
            shade: np.ndarray = soft[y // 2:(y + h) // 2, x // 2:(x + w) // 2]
            shade = cv2.resize(shade, (w, h), interpolation=cv2.INTER_LINEAR)
            area: np.ndarray = self.image[y:y + h, x:x + w]
            slope = cv2.merge([self.upsample(relief, x, y, w, h)] * 3)
            area = cv2.multiply(area, slope, scale=1 / 128)
            if shade.any():
                area = cv2.multiply(area, cv2.LUT(cv2.merge([shade] * 3), table), scale=1 / 128)
            self.image[y:y + h, x:x + w] = area

    def stamp(self, picture: np.ndarray, alpha: np.ndarray, centre: np.ndarray, angle: float,
              label: Optional[int] = None, cut: float = 0.5) -> None:
        """
        Set a small picture (h, w, 3) uint8 with ``alpha`` (h, w) float32 down on the map.

        Its middle comes to ``centre`` (x, y), its x axis turned by ``angle`` (rad). Where it
        is opaque to ``cut`` the labels become ``label``; None leaves them.
        """
        h, w = alpha.shape
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, -sin], [sin, cos]])
        corners = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2 @ turn.T + centre
        x, y, bw, bh = self.box(corners, 1)
        if bw <= 0 or bh <= 0:
            return
        middle = np.array([(w - 1) / 2, (h - 1) / 2])
        shift = np.asarray(centre) - turn @ middle - (x, y)
        matrix = np.column_stack([turn, shift])
        texture = cv2.warpAffine(picture, matrix, (bw, bh), flags=cv2.INTER_LINEAR,
                                 borderMode=cv2.BORDER_REPLICATE)
        opacity = cv2.warpAffine(alpha, matrix, (bw, bh), flags=cv2.INTER_LINEAR)
        self.blend(x, y, opacity, texture, label, cut)

    def label_at(self, points: np.ndarray) -> np.ndarray:
        """Return the labels under points (N, 2), (N,) uint8; 255 off the map."""
        points = np.round(np.asarray(points)).astype(int).reshape(-1, 2)
        on_map = ((points >= 0) & (points < self.size)).all(1)
        held = np.clip(points, 0, self.size - 1)
        return np.where(on_map, self.labels[held[:, 1], held[:, 0]], 255).astype(np.uint8)
