"""Houses, halls and what a disaster leaves of them, each drawn in a frame of its own."""
from __future__ import annotations

from typing import List, NamedTuple, Tuple

import cv2
import numpy as np

from effvit_ros.flight.canvas import Canvas, Material
from effvit_ros.flight.layout import Layout

UNDAMAGED, DAMAGED, DEBRIS = 2, 3, 5

#: Roof colours (BGR): clay, brown, slate, metal, blue sheet, red sheet, white, green.
ROOFS = ((62, 88, 168), (58, 74, 128), (74, 92, 148), (56, 66, 92), (92, 88, 84), (70, 68, 68),
         (168, 166, 160), (176, 128, 66), (64, 62, 160), (214, 216, 216), (112, 128, 96),
         (120, 134, 150))
YARDS = ([(96, 110, 120), (134, 146, 154), (170, 180, 186)],
         [(60, 84, 104), (92, 116, 138), (130, 152, 172)],
         [(120, 122, 122), (150, 152, 152), (178, 180, 180)])
RUBBLE = Material([(48, 54, 60), (104, 112, 120), (150, 158, 164), (196, 202, 206)],
                  0.2, 0.4, 0.5, 0.6)
CHAR = Material([(10, 11, 12), (26, 28, 30), (58, 60, 62)], 0.3, 0.5, 0.5, 0.3)
SKIRT = Material([(62, 72, 82), (106, 118, 128), (158, 168, 176)], 0.3, 0.5, 0.5, 0.5)


class Building(NamedTuple):
    """A footprint of ``size`` (w, d) pixels about ``centre``, ``height`` in metres."""

    centre: np.ndarray
    size: Tuple[float, float]
    angle: float
    height: float
    roof: str
    colour: Tuple[float, ...]
    damage: str

    def corners(self, grow: float = 0.0) -> np.ndarray:
        """Corners of the footprint on the map, (4, 2)."""
        w, d = self.size[0] / 2 + grow, self.size[1] / 2 + grow
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turn = np.array([[cos, sin], [-sin, cos]])
        return np.array([[-w, -d], [w, -d], [w, d], [-w, d]]) @ turn + self.centre


def cast_shadow(canvas: Canvas, layout: Layout, building: Building) -> None:
    """Throw the building's shadow: the hull of its footprint and that moved along the sun."""
    height = building.height * (0.35 if building.damage == 'collapsed' else 1)
    corners = building.corners()
    moved = corners + layout.sun * layout.shadow * height
    hull = cv2.convexHull(np.concatenate([corners, moved]).astype(np.float32))
    canvas.cast(hull[:, 0])


def paint_skirt(canvas: Canvas, rng: np.random.Generator, building: Building) -> None:
    """Scatter rubble round a damaged building; labels 5 outside its footprint."""
    reach = max(building.size) * rng.uniform(0.55, 0.8)
    centre = building.centre + rng.normal(0, 0.12, 2) * building.size[0]
    corners = np.array([[-reach, -reach], [reach, reach]]) + centre
    x, y, w, h = canvas.box(corners, 0)
    if w < 4 or h < 4:
        return
    yy, xx = np.mgrid[y:y + h, x:x + w].astype(np.float32)
    inside = 1 - np.hypot(xx - centre[0], yy - centre[1]) / reach
    inside += 0.006 * (canvas.tile('mid', x, y, w, h).astype(np.float32) - 128)
    alpha = np.clip(5 * inside - 0.6, 0, 0.92)
    canvas.blend(x, y, alpha, canvas.texture(SKIRT, x, y, w, h), DEBRIS, 0.55)


def paint_yard(canvas: Canvas, rng: np.random.Generator, building: Building) -> None:
    """Lay gravel, paving or trodden earth round a house and a drive up to it; labels stay."""
    ramp = np.asarray(YARDS[rng.integers(len(YARDS))]) * rng.uniform(0.9, 1.1)
    material = Material(ramp.tolist(), 0.4, 0.4, 0.3, 0.1)
    outlines = [building.corners(rng.uniform(0.6, 2.4) * canvas.ppm)]
    w, d = building.size
    reach, half = d / 2 + 7 * canvas.ppm, rng.uniform(1.2, 2.0) * canvas.ppm
    at = rng.uniform(-0.4, 0.4) * w
    drive = np.array([[at - half, 0], [at + half, 0], [at + half, reach], [at - half, reach]])
    cos, sin = np.cos(building.angle), np.sin(building.angle)
    drive = drive * (1, rng.choice([-1, 1])) @ np.array([[cos, sin], [-sin, cos]])
    outlines.append(drive + building.centre)
    for outline in outlines:
        placed = canvas.polygon_alpha(outline, soft=1)
        if placed:
            x, y, alpha = placed
            # Streets and flood stay as they are.
            alpha *= canvas.labels[y:y + alpha.shape[0], x:x + alpha.shape[1]] == 0
            canvas.blend(x, y, 0.75 * alpha, canvas.texture(material, x, y, *alpha.shape[::-1]))


def paint_building(canvas: Canvas, layout: Layout, rng: np.random.Generator,
                   building: Building) -> None:
    """Set the roof on the map; labels 2, or 3 with the damage it has."""
    w, d = (max(6, int(v)) for v in building.size)
    picture = _roof(canvas, layout, rng, building, w, d)
    alpha = np.ones((d, w), np.float32)
    label = UNDAMAGED
    if building.damage:
        label = DAMAGED
        picture, alpha = _wreck(canvas, rng, building, picture)
    picture = cv2.copyMakeBorder(picture, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    canvas.stamp(picture, np.pad(alpha, 1), building.centre, building.angle, label)


def _light(layout: Layout, angle: float, normal: Tuple[int, int]) -> float:
    """Brightness of a roof plane whose normal leans towards ``normal`` in the roof's frame."""
    cos, sin = np.cos(angle), np.sin(angle)
    on_map = np.array([cos * normal[0] - sin * normal[1], sin * normal[0] + cos * normal[1]])
    return 1.0 - 0.28 * float(on_map @ layout.sun)


def _roof(canvas: Canvas, layout: Layout, rng: np.random.Generator, building: Building, w: int,
          d: int) -> np.ndarray:
    y, x = np.mgrid[0:d, 0:w].astype(np.float32)
    light = np.ones((d, w), np.float32)
    planes = {'gable': [(y < d / 2, (0, -1)), (y >= d / 2, (0, 1))],
              'hip': _hip_planes(x, y, w, d)}.get(building.roof, [])
    for inside, normal in planes:
        light[inside] = _light(layout, building.angle, normal)
    grain_x, grain_y = (int(v) for v in rng.integers(0, 900, 2))
    grain = canvas.tile('fine', grain_x, grain_y, w, d).astype(np.float32) - 128
    stain = canvas.tile('mid', grain_x, grain_y, w, d).astype(np.float32) - 128
    light *= 1 + 0.0011 * grain + 0.0013 * stain
    if building.roof != 'flat':
        course = rng.uniform(2.6, 4.0)
        light *= 1 + 0.06 * np.sin((x if rng.integers(2) else y) * (2 * np.pi / course))
        cv2.line(light, (0, d // 2), (w, d // 2), 1.28, 1)
        if building.roof == 'hip':
            for a, b in (((0, 0), (d // 2, d // 2)), ((0, d), (d // 2, d // 2)),
                         ((w, 0), (w - d // 2, d // 2)), ((w, d), (w - d // 2, d // 2))):
                cv2.line(light, a, b, 1.2, 1)
    picture = light[..., None] * np.asarray(building.colour, np.float32)
    if building.roof == 'flat':
        _parapet(rng, layout, building, picture, w, d)
    _chimneys(rng, building, picture, w, d)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _hip_planes(x: np.ndarray, y: np.ndarray, w: int,
                d: int) -> List[Tuple[np.ndarray, Tuple[int, int]]]:
    top, left = np.minimum(y, d - 1 - y), np.minimum(x, w - 1 - x)
    ends = left < top
    return [(~ends & (y < d / 2), (0, -1)), (~ends & (y >= d / 2), (0, 1)),
            (ends & (x < w / 2), (-1, 0)), (ends & (x >= w / 2), (1, 0))]


def _parapet(rng: np.random.Generator, layout: Layout, building: Building, picture: np.ndarray,
             w: int, d: int) -> None:
    edge = 2
    for part, normal in (((slice(0, edge), slice(None)), (0, -1)),
                         ((slice(-edge, None), slice(None)), (0, 1)),
                         ((slice(None), slice(0, edge)), (-1, 0)),
                         ((slice(None), slice(-edge, None)), (1, 0))):
        picture[part] *= 0.75 + 0.5 * _light(layout, building.angle, normal) ** 2
    for _ in range(int(rng.integers(1, 6))):
        bw, bd = (int(v) for v in rng.integers(5, 13, 2))
        if w > bw + 12 and d > bd + 12:
            bx, by = int(rng.integers(4, w - bw - 7)), int(rng.integers(4, d - bd - 7))
            picture[by + 3:by + bd + 3, bx + 3:bx + bw + 3] *= 0.6
            picture[by:by + bd, bx:bx + bw] = rng.uniform(130, 225)


def _chimneys(rng: np.random.Generator, building: Building, picture: np.ndarray, w: int,
              d: int) -> None:
    if building.roof == 'flat' or w < 24 or d < 24:
        return
    if rng.random() < 0.7:
        bx, by = int(rng.integers(6, w - 12)), int(d / 2 + rng.integers(-6, 3))
        picture[by + 2:by + 9, bx + 2:bx + 9] *= 0.6
        picture[by:by + 5, bx:bx + 5] = (74, 82, 104)
    if rng.random() < 0.22:
        top = int(d * (0.08 if rng.integers(2) else 0.58))
        rows, cols = int(0.32 * d), int(0.6 * w)
        panel = picture[top:top + rows, int(0.2 * w):int(0.2 * w) + cols]
        panel[:] = (74, 44, 26)
        panel[::7] = panel[:, ::9] = (132, 108, 92)


def _wreck(canvas: Canvas, rng: np.random.Generator, building: Building,
           picture: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Open, burn or collapse a roof: picture and ragged alpha."""
    d, w = picture.shape[:2]
    left, top = (int(v) for v in rng.integers(0, 900, 2))
    noise = cv2.GaussianBlur(canvas.tile('mid', left, top, w, d), (0, 0), 1.2)
    noise = (noise.astype(np.float32) - 128) / 40
    y, x = np.mgrid[0:d, 0:w].astype(np.float32)
    lean = ((x / w - 0.5) * rng.normal(0, 2) + (y / d - 0.5) * rng.normal(0, 2))
    wanted = {'holed': 0.3, 'burnt': 0.55, 'collapsed': 0.8}[building.damage]
    value = noise + lean
    hole = np.clip(4 * (np.quantile(value, wanted) - value) + 0.5, 0, 1)[..., None]
    inside = canvas.texture(CHAR if building.damage == 'burnt' else RUBBLE, left, top, w, d)
    inside = inside.astype(np.float32)
    # The broken edge of the roof darkens what lies under it.
    inside *= 0.62 + 0.38 * cv2.blur(hole[..., 0], (7, 7))[..., None] ** 2
    for _ in range(int(rng.integers(3, 8))):
        a, b = (tuple(int(v) for v in rng.uniform(0, 1, 2) * (w, d)) for _ in range(2))
        shade = rng.uniform(0.3, 1.3)
        cv2.line(inside, a, b, tuple(shade * v for v in (82, 104, 126)), 1 + int(rng.integers(2)))
    mixed = picture * (1 - hole) + inside * hole
    if building.damage == 'burnt':
        mixed *= np.clip(0.62 + 0.2 * noise, 0.3, 1)[..., None]
    border = np.minimum(np.minimum(x, w - 1 - x), np.minimum(y, d - 1 - y))
    ragged = {'holed': 0, 'burnt': 1.5, 'collapsed': 4.5}[building.damage]
    alpha = np.clip(border - ragged * (1 + noise) + 1, 0, 1) if ragged else np.ones((d, w))
    return np.clip(mixed, 0, 255).astype(np.uint8), alpha.astype(np.float32)
