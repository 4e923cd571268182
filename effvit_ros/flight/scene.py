"""A place built from a seed: orthophoto, exact label map and where each class can be seen."""
from __future__ import annotations

from typing import Dict, NamedTuple, Tuple

import cv2
import numpy as np

from effvit_ros.flight.buildings import cast_shadow, paint_building, paint_skirt, paint_yard
from effvit_ros.flight.canvas import Canvas
from effvit_ros.flight.fire import paint_fire
from effvit_ros.flight.hazards import paint_avalanche, paint_cracks, paint_landslide, paint_volcano
from effvit_ros.flight.layout import Layout
from effvit_ros.flight.roads import paint_bridges, paint_roads
from effvit_ros.flight.settlement import Settlement
from effvit_ros.flight.terrain import paint_ground
from effvit_ros.flight.traffic import Traffic
from effvit_ros.flight.vegetation import Grove
from effvit_ros.flight.water import paint_water

#: Edge of a scene, pixels, and its resolution.
SIZE = 4096
PIXELS_PER_METRE = 6.5


class Scene(NamedTuple):
    """
    ``image``: (S, S, 3) uint8 BGR, ``labels``: (S, S) uint8, LPCV-14 ids 0..13.

    ``ppm``: pixels per metre. ``sights``: class id -> (x, y) where much of it can be seen.
    """

    image: np.ndarray
    labels: np.ndarray
    ppm: float
    sights: Dict[int, Tuple[float, float]]


def build_scene(seed: int, size: int = SIZE) -> Scene:
    """
    Build the scene of ``seed`` (int >= 0), ``size`` pixels square, a multiple of 512.

    The same seed and size give the same bytes. All 14 classes occur in scenes of 2048 pixels
    and more; the smallest may have too few buildings for both of their classes.
    """
    rng = np.random.default_rng(seed)
    canvas = Canvas(rng, size, PIXELS_PER_METRE)
    layout = Layout(rng, size, PIXELS_PER_METRE)
    paint_ground(canvas, layout, rng)
    paint_roads(canvas, layout, ('country', 'street'))
    paint_water(canvas, layout, rng)
    paint_roads(canvas, layout, ('main',))
    paint_bridges(canvas, layout)
    paint_cracks(canvas, layout, rng)
    paint_landslide(canvas, layout, rng)
    paint_avalanche(canvas, layout, rng)
    paint_volcano(canvas, layout, rng)
    settlement = Settlement(canvas, layout, rng)
    for building in settlement.buildings:
        paint_yard(canvas, rng, building)
    for building in settlement.buildings:
        if building.damage:
            paint_skirt(canvas, rng, building)
    grove = Grove(canvas, layout, rng, settlement.taken)
    traffic = Traffic(canvas, layout, rng, settlement)
    for building in settlement.buildings:
        cast_shadow(canvas, layout, building)
    grove.cast_shadows()
    traffic.cast_shadows()
    canvas.apply_light()
    for building in settlement.buildings:
        paint_building(canvas, layout, rng, building)
    traffic.paint()
    grove.paint()
    paint_fire(canvas, layout, rng, settlement.buildings)
    return Scene(canvas.image, canvas.labels, canvas.ppm, find_sights(canvas.labels))


def find_sights(labels: np.ndarray) -> Dict[int, Tuple[float, float]]:
    """Return for each class that occurs the (x, y) about which most of it lies."""
    step = 8
    coarse = labels[::step, ::step]
    window = max(3, len(coarse) // 9) | 1
    sights = {}
    for class_id in range(1, 14):
        share = cv2.boxFilter((coarse == class_id).astype(np.float32), -1, (window, window),
                              borderType=cv2.BORDER_CONSTANT)
        if share.max() > 0:
            y, x = np.unravel_index(int(share.argmax()), share.shape)
            sights[class_id] = (float(x * step), float(y * step))
    return sights
