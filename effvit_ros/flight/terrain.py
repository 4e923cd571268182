"""The ground: grass, parcels of farmland, mountain, volcano and hill under everything else."""
from __future__ import annotations

from typing import Mapping, Sequence, Tuple

import cv2
import numpy as np

from effvit_ros.flight.canvas import Canvas, Material
from effvit_ros.flight.layout import Layout
from effvit_ros.flight.noise import fractal

#: Colours of vegetation for each season: grass, crop, forest floor (dark, middle, bright BGR).
SEASONS = {
    'summer': {'grass': [(34, 62, 48), (52, 98, 82), (84, 132, 118)],
               'crop': [(30, 72, 44), (46, 112, 78), (70, 146, 112)],
               'floor': [(22, 40, 32), (36, 60, 50), (58, 84, 74)]},
    'dry': {'grass': [(58, 88, 98), (88, 124, 138), (128, 164, 178)],
            'crop': [(60, 106, 112), (84, 146, 158), (124, 184, 198)],
            'floor': [(44, 62, 68), (64, 88, 98), (96, 124, 136)]},
    'autumn': {'grass': [(40, 64, 62), (62, 92, 96), (92, 126, 132)],
               'crop': [(46, 84, 84), (64, 112, 124), (96, 150, 164)],
               'floor': [(28, 46, 56), (40, 66, 84), (60, 92, 112)]},
    'spring': {'grass': [(36, 78, 54), (56, 122, 92), (92, 158, 134)],
               'crop': [(32, 100, 62), (46, 140, 96), (96, 176, 140)],
               'floor': [(28, 48, 38), (44, 72, 58), (66, 98, 84)]},
}
SOIL = [(42, 56, 72), (70, 90, 112), (110, 134, 158)]
ROCK = [(52, 56, 60), (96, 102, 106), (148, 154, 158)]
ALPINE = [(56, 76, 74), (88, 112, 112), (138, 158, 158)]
BASALT = [(24, 26, 28), (46, 48, 52), (84, 84, 88)]
STUBBLE = [(84, 128, 144), (116, 162, 182), (152, 194, 212)]
THIN_SNOW = [(186, 178, 172), (226, 220, 216), (246, 244, 242)]


def paint_ground(canvas: Canvas, layout: Layout, rng: np.random.Generator) -> None:
    """Paint the whole map with grass, parcels and the grounds of the corner zones."""
    colours = SEASONS[layout.season]
    grass = Material(colours['grass'], 0.7, 0.45, 0.3)
    for x, y, w, h in canvas.blocks():
        canvas.image[y:y + h, x:x + w] = canvas.texture(grass, x, y, w, h)
    for kind, outline in layout.parcels:
        _paint_parcel(canvas, rng, colours, kind, outline)
    low = canvas.low
    patches = canvas.size * 0.02 * (fractal(rng, low, low / 10, 5) - 0.75)
    canvas.paint_field(patches, Material(SOIL, 0.5, 0.5, 0.3), soft=30, alpha=0.7)
    canvas.paint_field(layout.zone_field('snow', rng), Material(ALPINE, 0.6, 0.6, 0.3, 0.12),
                       soft=90, rough=30)
    canvas.paint_field(layout.zone_field('snow', rng, 0.6) - 0.3 * layout.zones['snow'][1],
                       Material(THIN_SNOW, 0.3, 0.5, 0.2), soft=80, rough=46, alpha=0.62)
    canvas.paint_field(layout.zone_field('volcano', rng), Material(BASALT, 0.7, 0.5, 0.4, 0.2),
                       soft=120, rough=30)
    canvas.paint_field(layout.zone_field('hill', rng, 0.5) - 0.35 * layout.zones['hill'][1],
                       Material(ROCK, 0.5, 0.6, 0.3, 0.25), soft=60, rough=40, alpha=0.8)
    canvas.paint_field(layout.zone_field('quake', rng, 0.5) - 0.3 * layout.zones['quake'][1],
                       Material(SOIL, 0.6, 0.6, 0.35), soft=90, rough=40, alpha=0.75)
    _raise_relief(canvas, layout, rng)


def _paint_parcel(canvas: Canvas, rng: np.random.Generator,
                  colours: Mapping[str, Sequence[Tuple[int, int, int]]], kind: str,
                  outline: np.ndarray) -> None:
    placed = canvas.polygon_alpha(outline, soft=4)
    if placed is None:
        return
    x, y, alpha = placed
    h, w = alpha.shape
    if w > 1000 or h > 1000:
        return
    if kind in ('garden', 'hamlet', 'park', 'yard'):
        ramp = np.asarray(colours['grass'] if kind != 'yard' else ROCK)
        ramp = np.clip(ramp * rng.uniform([0.9, 0.85, 0.9], [1.15, 1.1, 1.25]), 0, 255).tolist()
        material = Material(ramp, 0.5, 0.45, 0.3)
        alpha *= 0.7
    elif kind in ('forest', 'orchard', 'scrub'):
        material = Material(colours['floor'], 0.6, 0.5, 0.35)
        alpha *= 0.9 if kind == 'forest' else 0.5
    else:
        plain = {'crop': colours['crop'], 'stubble': STUBBLE, 'plough': SOIL,
                 'meadow': colours['grass'], 'pasture': colours['grass']}[kind]
        tint = rng.uniform(0.82, 1.16) * (1 + rng.uniform(-0.08, 0.08, 3))
        ramp = np.clip(np.asarray(plain) * tint, 0, 255).tolist()
        material = Material(ramp, 0.45, 0.3, 0.22)
    texture = canvas.texture(material, x, y, w, h)
    if kind in ('crop', 'stubble', 'plough', 'meadow'):
        edge = outline[1] - outline[0] if rng.integers(2) else outline[-1] - outline[0]
        texture = _plough_lines(canvas, rng, texture, edge, kind)
    canvas.blend(x, y, alpha, texture)


def _plough_lines(canvas: Canvas, rng: np.random.Generator, texture: np.ndarray,
                  edge: np.ndarray, kind: str) -> np.ndarray:
    """Rows across ``edge``: fine drill rows and, every 12 to 20 m, a pair of wheel tracks."""
    h, w = texture.shape[:2]
    across = np.array([edge[0], edge[1]]) / np.hypot(*edge)
    row = canvas.ppm * rng.uniform(0.7, 1.4)
    lane = canvas.ppm * rng.uniform(12, 20)
    depth = {'crop': 0.10, 'stubble': 0.09, 'plough': 0.14, 'meadow': 0.05}[kind]
    phase = np.arange(256)
    rows = 128 * (1 + depth * np.sin(phase * (2 * np.pi / 256)))
    at = phase * lane / 256
    tracks = (np.abs(at - 5) < 2.2) | (np.abs(at - 5 - 1.9 * canvas.ppm) < 2.2)
    lanes = np.where(tracks, 138 if kind == 'plough' else 106, 128)
    for period, table in ((row, rows), (lane, lanes)):
        # The phase wraps as uint8 does: 256 is one period.
        along_x = np.mod(np.arange(w) * across[0] * 256 / period, 256).astype(np.uint8)
        along_y = np.mod(np.arange(h) * across[1] * 256 / period, 256).astype(np.uint8)
        light = cv2.LUT(along_x[None] + along_y[:, None], table.astype(np.uint8))
        texture = cv2.multiply(texture, cv2.merge([light] * 3), scale=1 / 128)
    return texture


def _raise_relief(canvas: Canvas, layout: Layout, rng: np.random.Generator) -> None:
    """Shade the slopes: gentle everywhere, strong on mountain, hill and volcano."""
    low = canvas.low
    height = 4 * fractal(rng, low, low / 5, 4, 0.45)
    ridges = 1 - np.abs(fractal(rng, low, 80, 5, 0.5))
    for name, steep in (('snow', 26), ('hill', 20), ('volcano', 22)):
        rise = np.clip(layout.zone_field(name) / layout.zones[name][1], 0, 1)
        height += steep * rise * (1 + 0.9 * ridges)
    height = cv2.GaussianBlur(height, (0, 0), 1.2)
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8)
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
    lit = -(slope_x * layout.sun[0] + slope_y * layout.sun[1])
    canvas.relief = np.clip(1 - 0.5 * np.tanh(0.9 * -lit), 0.5, 1.5).astype(np.float32)
