"""Streets, main roads, their markings, and bridges where a main road meets the river."""
from __future__ import annotations

from typing import Iterable, List, Mapping, Optional, Sequence, Tuple

import cv2
import numpy as np

from effvit_ros.flight.canvas import Canvas, Material
from effvit_ros.flight.layout import EARTH, Layout, ROAD_WIDTH

ROAD = 12
PAVEMENT = [(128, 134, 138), (158, 164, 168), (188, 192, 195)]
VERGE = [(70, 92, 102), (104, 126, 138), (140, 160, 170)]
WHITE = Material([(196, 200, 200), (226, 228, 228), (240, 240, 240)], 0.2, 0.5, 0.3)
CONCRETE = [(150, 154, 156), (176, 180, 182), (204, 206, 208)]


def draw_lines(shape: Tuple[int, ...], lines: Iterable[np.ndarray], thickness: float,
               dash: Optional[Tuple[int, int]] = None,
               mask: Optional[np.ndarray] = None) -> np.ndarray:
    """Draw polylines in a mask (S, S) uint8; ``dash``: (on, off) in points of the polyline."""
    mask = np.zeros(shape, np.uint8) if mask is None else mask
    for line in lines:
        pieces = [line]
        if dash:
            pieces = [line[i:i + dash[0] + 1] for i in range(0, len(line), sum(dash))]
        for piece in pieces:
            if len(piece) > 1:
                cv2.polylines(mask, [np.round(piece * 16).astype(np.int32)], False, 255,
                              max(1, int(round(thickness))), cv2.LINE_AA, 4)
    return mask


def paint_roads(canvas: Canvas, layout: Layout, kinds: Sequence[str]) -> None:
    """Paint the roads of the given kinds: verge or pavement, asphalt, markings; labels 12."""
    shape, ppm = canvas.labels.shape, canvas.ppm
    lines = {kind: [line for k, line in layout.roads if k == kind] for kind in kinds}
    verge = np.zeros(shape, np.uint8)
    surface = np.zeros(shape, np.uint8)
    for kind, group in lines.items():
        wide = ROAD_WIDTH[kind] * ppm
        if kind == 'street':
            walk = draw_lines(shape, group, wide + 3.0 * ppm)
            canvas.paint_mask(walk, Material(PAVEMENT, 0.3, 0.3, 0.2, 0.1), ROAD)
        else:
            draw_lines(shape, group, wide + 2.6 * ppm, mask=verge)
        draw_lines(shape, group, wide, mask=surface)
    canvas.paint_mask(cv2.blur(verge, (9, 9)), Material(VERGE, 0.5, 0.5, 0.3), alpha=0.75)
    canvas.paint_mask(surface, Material(layout.asphalt, 0.5, 0.3, 0.22), ROAD)
    if layout.asphalt != EARTH:
        _mark(canvas, lines)


def _mark(canvas: Canvas, lines: Mapping[str, Sequence[np.ndarray]]) -> None:
    shape, ppm = canvas.labels.shape, canvas.ppm
    wide = ROAD_WIDTH['main'] * ppm
    edges = [offset_line(line, side * (wide / 2 - 0.5 * ppm)) for line in lines.get('main', [])
             for side in (-1, 1)]
    mask = draw_lines(shape, edges, 0.17 * ppm)
    marked = [line for kind, group in lines.items() if kind != 'street' for line in group]
    draw_lines(shape, marked, 0.2 * ppm, (1, 2), mask)
    canvas.paint_mask(mask, WHITE, alpha=0.8)


def offset_line(line: np.ndarray, offset: float) -> np.ndarray:
    """Polyline (N, 2) that runs ``offset`` pixels to the right of ``line``."""
    direction = np.gradient(line, axis=0)
    direction /= np.maximum(np.hypot(*direction.T), 1e-9)[:, None]
    return line + offset * np.stack([-direction[:, 1], direction[:, 0]], 1)


def bridge_spans(layout: Layout, half: float) -> List[np.ndarray]:
    """Pieces of the main roads over the river, each (N, 2) float64."""
    near = layout.river_half + half
    spans = []
    for kind, line in layout.roads:
        if kind != 'main':
            continue
        gaps = np.hypot(*(line[:, None] - layout.river[None, ::4]).transpose(2, 0, 1)).min(1)
        over = gaps < near
        starts = np.flatnonzero(np.diff(np.concatenate([[0], over.astype(int)])) == 1)
        ends = np.flatnonzero(np.diff(np.concatenate([over.astype(int), [0]])) == -1)
        spans += [line[a:b + 1] for a, b in zip(starts, ends) if b - a > 1]
    return spans


def paint_bridges(canvas: Canvas, layout: Layout) -> None:
    """Paint deck, joints, railings and the shadow on the water; labels 12."""
    ppm, shape = canvas.ppm, canvas.labels.shape
    spans = bridge_spans(layout, 4 * ppm)
    if not spans:
        return
    deck = (ROAD_WIDTH['main'] + 2.5) * ppm
    for span in spans:
        # Only the side away from the sun throws its shadow on the water.
        side = max((1, -1), key=lambda s: (offset_line(span, s)[0] - span[0]) @ layout.sun)
        edge = offset_line(span, side * deck / 2)
        canvas.cast(np.concatenate([edge, (edge + layout.sun * layout.shadow * 4)[::-1]]))
    for wide, ramp in ((deck, CONCRETE), (ROAD_WIDTH['main'] * ppm, layout.asphalt)):
        # Polygons, for square ends.
        mask = np.zeros(shape, np.uint8)
        for span in spans:
            outline = np.concatenate([offset_line(span, wide / 2),
                                      offset_line(span, -wide / 2)[::-1]])
            cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        canvas.paint_mask(mask, Material(ramp, 0.3, 0.3, 0.2), ROAD)
    rails = [offset_line(span, side * (deck / 2 - 0.4 * ppm))
             for span in spans for side in (-1, 1)]
    mask = draw_lines(shape, rails, 0.35 * ppm)
    canvas.paint_mask(draw_lines(shape, spans, 0.2 * ppm, (1, 2), mask), WHITE)
