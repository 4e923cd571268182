"""River, flooded land and the ice jam."""
from __future__ import annotations

from typing import Sequence, Tuple

import cv2
import numpy as np

from effvit_ros.flight.canvas import Canvas, LOW, Material
from effvit_ros.flight.layout import Layout
from effvit_ros.flight.noise import fractal

WATER, ICE = 7, 8
#: Colours a river may have, dark to bright (BGR).
RIVERS = (
    [(70, 62, 34), (96, 86, 52), (126, 116, 80)],
    [(46, 58, 44), (72, 86, 68), (102, 116, 98)],
    [(62, 96, 116), (86, 124, 148), (112, 150, 174)],
)
#: Colours of flood water: mud, clay, red earth, grey (BGR).
FLOODS = (
    [(66, 98, 122), (92, 128, 156), (122, 158, 186)],
    [(84, 124, 128), (116, 152, 158), (148, 182, 190)],
    [(74, 96, 138), (98, 122, 168), (130, 150, 192)],
    [(92, 104, 104), (122, 134, 134), (158, 168, 168)],
)
GRAVEL = [(96, 112, 122), (134, 150, 160), (176, 190, 198)]
FLOES = [(72, 62, 52), (168, 158, 146), (220, 214, 206), (242, 240, 236), (250, 249, 247)]


def paint_water(canvas: Canvas, layout: Layout, rng: np.random.Generator) -> None:
    """Paint the flooded land, the river with its gravel banks and the ice jam on it."""
    inside = layout.river_half - layout.river_distance
    flood = FLOODS[rng.integers(len(FLOODS))]
    muddy = bool(rng.integers(2))
    _flood(canvas, layout, rng, flood, inside)
    canvas.paint_field(inside + 1.6 * canvas.ppm, Material(GRAVEL, 0.4, 0.4, 0.3, 0.2),
                       soft=12, rough=10, alpha=0.9)
    river = flood if muddy else RIVERS[rng.integers(len(RIVERS))]
    canvas.paint_field(inside, Material(river, 0.5, 0.34, 0.16), WATER, soft=7, rough=7)
    deep = np.asarray(river) * 0.8
    canvas.paint_field(inside - 0.45 * layout.river_half, Material(deep.tolist(), 0.5, 0.3, 0.14),
                       soft=50, rough=20, alpha=0.55)
    sheen = np.clip(np.asarray(river) * 1.15 + 34, 0, 255).tolist()
    glare = 0.3 * np.clip(fractal(rng, canvas.low, canvas.low / 9, 4), 0, 1)
    wet = np.maximum(inside, layout.flood) > 0
    glare = cv2.blur((glare * wet).astype(np.float32), (5, 5))
    canvas.paint_alpha(glare, Material(sheen, 0.3, 0.5, 0.2))
    _ice_jam(canvas, layout, rng, inside)


def _flood(canvas: Canvas, layout: Layout, rng: np.random.Generator,
           colours: Sequence[Tuple[int, int, int]], inside: np.ndarray) -> None:
    low = canvas.low
    reach = 0.6 * layout.zone_field('field', rng, 0.5)
    near_village = 0.5 * layout.zone_field('village', rng, 0.5) - 0.12 * canvas.size
    lake = np.maximum(reach, near_village) + 0.03 * canvas.size * fractal(rng, low, low / 16, 5)
    # The flood comes from the river: nothing far from it stands under water.
    lake = np.minimum(lake, 0.17 * canvas.size - layout.river_distance)
    lake = np.maximum(lake, inside - 4 * canvas.ppm).astype(np.float32)
    layout.flood = lake
    wet = (np.asarray(colours) * 0.62).tolist()
    canvas.paint_field(lake + 3 * canvas.ppm, Material(wet, 0.4, 0.4, 0.2), soft=24, rough=14,
                       alpha=0.5)
    canvas.paint_field(lake, Material(colours, 0.5, 0.28, 0.12), WATER, soft=8, rough=10,
                       alpha=0.93)


def _ice_jam(canvas: Canvas, layout: Layout, rng: np.random.Generator, inside: np.ndarray) -> None:
    """Floes over a stretch of the river at the end nearer to the snow."""
    ends = layout.river[[0, -1]]
    snow = layout.zones['snow'][0]
    nearer = int(np.argmin(np.hypot(*(ends - snow).T)))
    count = len(layout.river)
    at = rng.uniform(0.12, 0.26)
    middle = layout.river[int(count * (at if nearer == 0 else 1 - at))]
    y, x = np.mgrid[0:canvas.low, 0:canvas.low].astype(np.float32) * LOW
    stretch = (0.1 * canvas.size - np.hypot(x - middle[0], y - middle[1])
               + 0.02 * canvas.size * fractal(rng, canvas.low, 40, 3)).astype(np.float32)
    jam = np.minimum(stretch, inside + 0.6 * canvas.ppm)
    canvas.paint_field(jam, Material(FLOES, 0.3, 0.35, 0.15, 0.9), ICE, soft=5, rough=9)
    loose = np.minimum(stretch + 0.05 * canvas.size, inside - canvas.ppm)
    drift = np.minimum(loose, 30 * (fractal(rng, canvas.low, 14, 2) - 0.45)).astype(np.float32)
    canvas.paint_field(drift, Material(FLOES, 0.2, 0.3, 0.15, 0.6), ICE, soft=3, rough=5)
