"""Burning houses, a wildfire front, and smoke that drifts with the wind."""
from __future__ import annotations

from typing import Sequence, Tuple

import numpy as np

from effvit_ros.flight.buildings import Building
from effvit_ros.flight.canvas import Canvas, LOW, Material
from effvit_ros.flight.hazards import flow_line, tongue
from effvit_ros.flight.layout import Layout
from effvit_ros.flight.noise import fractal

FIRE = 6
FLAME = [(18, 30, 120), (16, 70, 220), (20, 130, 250), (60, 190, 255), (170, 236, 255)]
CHARRED = [(14, 16, 18), (30, 33, 36), (62, 66, 70)]
SMOKE = [(84, 84, 86), (132, 132, 132), (186, 186, 184)]
#: Smoke never covers the ground more than this: its truth stays what lies below.
THICKEST = 0.58


def paint_fire(canvas: Canvas, layout: Layout, rng: np.random.Generator,
               buildings: Sequence[Building]) -> None:
    """
    Paint burnt ground, flames (labels 6) and smoke (translucent, labels unchanged).

    A tenth of the damaged buildings burn, two at least where there are any.
    """
    low, size, ppm = canvas.low, canvas.size, canvas.ppm
    damaged = [b for b in buildings if b.damage]
    damaged.sort(key=lambda b: b.damage != 'burnt')
    burning = damaged[:max(2, min(7, len(damaged) // 8))]
    flames = np.full((low, low), -1e3, np.float32)
    sources = []
    for building in burning:
        radius = 0.42 * max(building.size)
        flames = np.maximum(flames, tongue(canvas, [building.centre], [radius]))
        sources.append((building.centre, radius))
    front = _wildfire_front(canvas, layout, rng)
    band = tongue(canvas, front, np.full(len(front), 2.6 * ppm))
    burnt = tongue(canvas, front[::3] + layout.sun * 0.03 * size,
                   np.full(len(front[::3]), 0.035 * size))
    burnt = (burnt + 20 * fractal(rng, low, 24, 4)).astype(np.float32)
    land = np.minimum(layout.river_distance - layout.river_half, -layout.flood)
    canvas.paint_field(np.minimum(burnt, land), Material(CHARRED, 0.5, 0.5, 0.5), soft=24,
                       rough=18, alpha=0.78)
    flames = np.maximum(flames, band)
    sources += [(point, 3 * ppm) for point in front[::12]]
    flicker = 26 * (fractal(rng, low, 9, 3) - 0.05)
    flames = np.minimum(flames + 4, flicker).astype(np.float32)
    canvas.paint_field(flames, Material(FLAME, 0.3, 0.9, 0.3), FIRE, soft=6, rough=5)
    _drift(canvas, rng, sources)


def _wildfire_front(canvas: Canvas, layout: Layout, rng: np.random.Generator) -> np.ndarray:
    """Line of fire through open country: where forest or crop is all that is to be seen."""
    size, reach = canvas.size, 0.06 * canvas.size
    around = np.stack(np.meshgrid(*[np.linspace(-reach, reach, 5)] * 2), -1).reshape(-1, 2)
    places = [outline.mean(0) for kind, outline in layout.parcels
              if kind in ('forest', 'crop', 'stubble', 'orchard', 'meadow')]
    places = [p for p in places if (np.abs(p - size / 2) < 0.38 * size).all()]
    places = places or [np.full(2, size / 2)]
    open_land = [(canvas.label_at(place + around) == 0).mean() for place in places]
    middle = places[int(np.argmax(np.array(open_land) + 0.1 * rng.random(len(places))))]
    angle = rng.uniform(0, np.pi)
    half = 0.07 * size * np.array([np.cos(angle), np.sin(angle)])
    return flow_line(rng, middle - half, middle + half, 0.1)


def _drift(canvas: Canvas, rng: np.random.Generator,
           sources: Sequence[Tuple[np.ndarray, float]]) -> None:
    """Lay plumes from ``sources`` (centre, radius) downwind, wider and thinner on the way."""
    low, ppm = canvas.low, canvas.ppm
    angle = rng.uniform(0, 2 * np.pi)
    wind = np.array([np.cos(angle), np.sin(angle)])
    y, x = np.mgrid[0:low, 0:low].astype(np.float32) * LOW
    haze = np.zeros((low, low), np.float32)
    for centre, radius in sources:
        reach = rng.uniform(35, 70) * ppm + 5 * radius
        box = _box(centre, reach * 1.2, low)
        dx, dy = x[box] - centre[0], y[box] - centre[1]
        along, across = dx * wind[0] + dy * wind[1], dy * wind[0] - dx * wind[1]
        width = 1.2 * radius + 0.22 * np.maximum(along, 0)
        plume = np.exp(-(across / width) ** 2) * np.clip(1 - along / reach, 0, 1)
        plume *= np.clip(along / (0.8 * radius) + 0.6, 0, 1)
        haze[box] = 1 - (1 - haze[box]) * (1 - plume)
    billow = 0.62 + 0.55 * fractal(rng, low, 26, 4, 0.6)
    haze = np.clip(haze * np.clip(billow, 0, 1.3), 0, THICKEST).astype(np.float32)
    canvas.paint_alpha(haze, Material(SMOKE, 0.4, 0.35, 0.05))


def _box(centre: np.ndarray, reach: float, low: int) -> Tuple[slice, slice]:
    left, top = np.clip(((centre - reach) / LOW).astype(int), 0, low)
    right, bottom = np.clip(((centre + reach) / LOW).astype(int), 0, low)
    return slice(top, bottom), slice(left, right)
