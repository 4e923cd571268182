"""Landslide, avalanche, lava, pyroclastic flow, cracks and sink holes."""
from __future__ import annotations

from typing import Sequence, Tuple, Union

import cv2
import numpy as np

from effvit_ros.flight.canvas import Canvas, LOW, Material
from effvit_ros.flight.layout import Layout
from effvit_ros.flight.noise import fractal, resample, spline, TILE, wander

AVALANCHE, CRACKS, DEBRIS, LAVA, PYROCLASTIC = 1, 4, 5, 9, 11

MUDS = (
    [(44, 62, 82), (74, 100, 128), (108, 134, 162)],
    [(40, 58, 92), (66, 92, 134), (96, 124, 166)],
    [(58, 70, 82), (92, 106, 120), (130, 144, 158)],
)
BOULDERS = [(52, 60, 66), (98, 108, 116), (156, 164, 170)]
SNOW = [(150, 136, 122), (212, 202, 194), (244, 240, 236), (254, 253, 252)]
CRUST = [(14, 14, 18), (30, 30, 38), (58, 56, 62)]
MOLTEN = [(16, 16, 22), (22, 20, 34), (16, 20, 86), (10, 40, 190), (24, 110, 250),
          (60, 180, 255), (150, 232, 255)]
ASH = [(98, 100, 102), (140, 142, 144), (178, 180, 182), (206, 208, 208)]
GASH = [(8, 10, 14), (20, 26, 34), (44, 54, 64)]
RIM = [(62, 80, 100), (92, 116, 140), (132, 154, 178)]


def signed(mask: np.ndarray) -> np.ndarray:
    """Pixels of the map inside (positive) or outside a low-resolution mask, float32."""
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(255 - mask, cv2.DIST_L2, 5)
    return LOW * (inside - outside)


def tongue(canvas: Canvas, line: Union[np.ndarray, Sequence[np.ndarray]],
           widths: Union[np.ndarray, Sequence[float]]) -> np.ndarray:
    """Field of a flow along ``line`` (N, 2) with half ``widths`` (N,), all in map pixels."""
    mask = np.zeros((canvas.low, canvas.low), np.uint8)
    for point, width in zip(line, widths):
        cv2.circle(mask, tuple(int(v) for v in point / LOW), max(1, int(width / LOW)), 255, -1)
    return signed(mask)


def flow_line(rng: np.random.Generator, start: np.ndarray, end: np.ndarray,
              sway: float) -> np.ndarray:
    """Winding line from ``start`` to ``end``, a point every 12 pixels."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    t = np.linspace(0, 1, 5)[:, None]
    points = start + t * (end - start)
    span = np.hypot(*(end - start))
    points[1:-1] += rng.normal(0, sway * span, (3, 2))
    return spline(points, 12.0)


def toward(layout: Layout, name: str, target: np.ndarray,
           reach: float) -> Tuple[np.ndarray, np.ndarray]:
    """Start in a zone's middle and end ``reach`` radii from it in the direction of target."""
    centre, radius = layout.zones[name]
    way = np.asarray(target) - centre
    return centre, centre + way / np.hypot(*way) * radius * reach


def paint_landslide(canvas: Canvas, layout: Layout, rng: np.random.Generator) -> None:
    """Mud and rock from the hill over whatever lies below; labels 5."""
    mud = MUDS[rng.integers(len(MUDS))]
    centre, radius = layout.zones['hill']
    field = np.full((canvas.low, canvas.low), -1e3, np.float32)
    for _ in range(2 + int(rng.integers(2))):
        target = canvas.size / 2 + rng.uniform(-0.25, 0.25, 2) * canvas.size
        start, end = toward(layout, 'hill', target, rng.uniform(0.9, 1.25))
        start = start + rng.uniform(-0.45, 0.45, 2) * radius
        line = flow_line(rng, start, end, 0.06)
        t = np.linspace(0, 1, len(line))
        widths = radius * (0.05 + 0.06 * np.sin(np.pi * t * 0.6) + 0.12 * t ** 3)
        field = np.maximum(field, tongue(canvas, line, widths))
        layout.slide_toe = line[int(0.8 * len(line))]
    field += 14 * fractal(rng, canvas.low, 22, 4)
    canvas.paint_field(field + 8, Material(mud, 0.4, 0.5, 0.3), soft=30, rough=16, alpha=0.5)
    canvas.paint_field(field, Material(mud, 0.6, 0.65, 0.4, 0.12), DEBRIS, soft=6, rough=14)
    rocks = 26 * (fractal(rng, canvas.low, 26, 4) - 0.42)
    canvas.paint_field(np.minimum(field - 8, rocks), Material(BOULDERS, 0.2, 0.3, 0.3, 0.7),
                       DEBRIS, soft=8, rough=10)
    _emboss(canvas, layout, rng, field, 12)


def paint_avalanche(canvas: Canvas, layout: Layout, rng: np.random.Generator) -> None:
    """Lumpy snow run down from the mountain; labels 1."""
    centre, radius = layout.zones['snow']
    field = np.full((canvas.low, canvas.low), -1e3, np.float32)
    for _ in range(2 + int(rng.integers(2))):
        target = canvas.size / 2 + rng.uniform(-0.3, 0.3, 2) * canvas.size
        start, end = toward(layout, 'snow', target, rng.uniform(0.6, 1.0))
        shift = rng.uniform(-0.4, 0.4, 2) * radius
        line = flow_line(rng, start + shift, end + shift, 0.05)
        t = np.linspace(0, 1, len(line))
        field = np.maximum(field, tongue(canvas, line, radius * (0.07 + 0.13 * t ** 2)))
    field += 18 * fractal(rng, canvas.low, 26, 4)
    canvas.paint_field(field, Material(SNOW, 0.5, 0.5, 0.3, 0.16), AVALANCHE, soft=6, rough=12)
    blocks = 24 * (fractal(rng, canvas.low, 22, 3) - 0.3)
    canvas.paint_field(np.minimum(field - 12, blocks), Material(SNOW, 0.2, 0.3, 0.2, 0.6),
                       AVALANCHE, soft=10, rough=8)
    dirt = 30 * (fractal(rng, canvas.low, 30, 4) - 0.7)
    canvas.paint_field(np.minimum(field - 10, dirt), Material(MUDS[2], 0.4, 0.5, 0.4), None,
                       soft=30, rough=14, alpha=0.5)
    _emboss(canvas, layout, rng, field, 14)


def paint_volcano(canvas: Canvas, layout: Layout, rng: np.random.Generator) -> None:
    """Ash flows (labels 11), then lava with dark crust and glowing channels (labels 9)."""
    centre, radius = layout.zones['volcano']
    ash = np.full((canvas.low, canvas.low), -1e3, np.float32)
    for _ in range(2 + int(rng.integers(2))):
        angle = rng.uniform(0, 2 * np.pi)
        end = centre + radius * rng.uniform(0.8, 1.15) * np.array([np.cos(angle), np.sin(angle)])
        line = flow_line(rng, centre, end, 0.06)
        t = np.linspace(0, 1, len(line))
        ash = np.maximum(ash, tongue(canvas, line, radius * (0.08 + 0.16 * np.sqrt(t))))
    ash += 16 * fractal(rng, canvas.low, 30, 4)
    canvas.paint_field(ash + 60, Material(ASH, 0.5, 0.5, 0.2), soft=160, rough=30, alpha=0.7)
    canvas.paint_field(ash, Material(ASH, 0.55, 0.4, 0.14), PYROCLASTIC, soft=22, rough=14)
    _emboss(canvas, layout, rng, ash, rng.uniform(16, 36))
    streams = np.full((canvas.low, canvas.low), -1e3, np.float32)
    for _ in range(3 + int(rng.integers(2))):
        angle = rng.uniform(0, 2 * np.pi)
        end = centre + radius * rng.uniform(0.7, 1.1) * np.array([np.cos(angle), np.sin(angle)])
        line = flow_line(rng, centre + rng.normal(0, 0.06 * radius, 2), end, 0.09)
        t = np.linspace(0, 1, len(line))
        widths = radius * rng.uniform(0.028, 0.045) * (1 + 0.9 * t ** 2)
        streams = np.maximum(streams, tongue(canvas, line, widths))
    streams += 9 * fractal(rng, canvas.low, 16, 3)
    canvas.paint_field(streams + 5 * canvas.ppm, Material(CRUST, 0.4, 0.5, 0.4, 0.3), soft=24,
                       rough=14, alpha=0.95)
    canvas.paint_field(streams, Material(MOLTEN[:5], 0.6, 0.6, 0.3, -0.3), LAVA, soft=5, rough=7)
    glow = np.minimum(streams - 2.4 * canvas.ppm, 20 * fractal(rng, canvas.low, 20, 4) + 2)
    canvas.paint_field(glow, Material(MOLTEN, 0.5, 0.7, 0.2, -0.4), LAVA, soft=16, rough=9)


def _emboss(canvas: Canvas, layout: Layout, rng: np.random.Generator, field: np.ndarray,
            lump: float) -> None:
    """Give a deposit lumps about ``lump`` pixels wide, shaded by the sun, inside ``field``."""
    x, y = (int(v) for v in rng.integers(0, TILE, 2))
    height: np.ndarray = canvas.tile('mid', x, y, canvas.low, canvas.low).astype(np.float32)
    smooth = lump / LOW / 4
    height = cv2.GaussianBlur(height, (0, 0), smooth)
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8)
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
    slope = slope_x * layout.sun[0] + slope_y * layout.sun[1]
    lit = 0.4 * np.tanh(slope * (0.8 / slope.std()))
    inside = np.clip(field / 24 + 0.3, 0, 1)
    canvas.relief = np.clip(canvas.relief * (1 - inside) + (1 + lit) * inside, 0.4, 1.6)


def paint_cracks(canvas: Canvas, layout: Layout, rng: np.random.Generator) -> None:
    """Fissures through ground and road, branching, and sink holes; labels 4."""
    centre, radius = layout.zones['quake']
    shape, ppm = canvas.labels.shape, canvas.ppm
    rim, core = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    angle = rng.uniform(0, np.pi)
    for _ in range(8 + int(rng.integers(6))):
        start = centre + rng.uniform(-0.9, 0.9, 2) * radius
        _crack(canvas, rng, rim, core, start, angle + rng.normal(0, 0.3),
               rng.uniform(0.5, 1.1) * radius, rng.uniform(0.35, 1.3) * ppm, 0)
    for _ in range(4 + int(rng.integers(4))):
        _sink_hole(canvas, rng, rim, core, centre + rng.uniform(-0.7, 0.7, 2) * radius)
    canvas.paint_mask(cv2.blur(rim, (5, 5)), Material(RIM, 0.4, 0.6, 0.4, 0.15), CRACKS, 0.85)
    canvas.paint_mask(cv2.blur(core, (3, 3)), Material(GASH, 0.4, 0.5, 0.4), CRACKS)


def _crack(canvas: Canvas, rng: np.random.Generator, rim: np.ndarray, core: np.ndarray,
           start: np.ndarray, heading: float, length: float, width: float, depth: int) -> None:
    line = wander(rng, start, heading, length, 1.1 * canvas.ppm, 0.17)
    taper = np.sin(np.linspace(0.15, np.pi - 0.02, len(line))) * rng.uniform(0.7, 1.3, len(line))
    for a, b, t in zip(line, line[1:], taper):
        near, far = (tuple(int(v) for v in np.round(p * 16)) for p in (a, b))
        cv2.line(rim, near, far, 255, max(2, int((3.2 * t + 0.6) * width + 3)), cv2.LINE_AA, 4)
        cv2.line(core, near, far, 255, max(1, int(0.9 * t * width)), cv2.LINE_AA, 4)
    if depth < 2:
        for _ in range(int(rng.integers(1, 4))):
            at = int(rng.integers(1, len(line) - 1))
            turn = rng.choice([-1, 1]) * rng.uniform(0.4, 1.0)
            ahead = line[at] - line[at - 1]
            _crack(canvas, rng, rim, core, line[at], np.arctan2(ahead[1], ahead[0]) + turn,
                   length * rng.uniform(0.2, 0.4), width * 0.65, depth + 1)


def _sink_hole(canvas: Canvas, rng: np.random.Generator, rim: np.ndarray, core: np.ndarray,
               centre: np.ndarray) -> None:
    radius = rng.uniform(4, 8) * canvas.ppm
    angles = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    ragged = radius * (1 + 0.12 * rng.normal(0, 1, 28) + 0.15 * np.sin(2 * angles + 1))
    outline = centre + ragged[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    outline = resample(np.concatenate([outline, outline[:1]]), 4.0)
    for mask, scale, shift in ((rim, 1.25, 0), (core, 0.8, 0.1)):
        ring = (outline - centre) * scale + centre + shift * radius
        cv2.fillPoly(mask, [np.round(ring * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
