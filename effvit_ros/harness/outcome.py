"""What a watched stream comes to, with ROS or without, and the line that tells of it meanwhile."""
from __future__ import annotations

import math
from typing import List, NamedTuple, Optional, Tuple

import numpy as np

from effvit_ros.core.energy import Energy
from effvit_ros.core.metrics import ConfusionMatrix
from effvit_ros.harness.tally import StreamFigures


class Snapshot(NamedTuple):
    """
    One frame with all that was made of it, each (H, W[, 3]) uint8; pictures are BGR.

    ``seconds``: since counting began. ``truth`` is None where there is none.
    """

    seconds: float
    picture: np.ndarray
    truth: Optional[np.ndarray]
    labels: np.ndarray
    overlay: np.ndarray


class Stream(NamedTuple):
    """What a watched stream gave."""

    figures: StreamFigures
    confusion: ConfusionMatrix
    moments: List[Snapshot]
    frame_size: Tuple[int, int]
    runtime: str
    runtime_description: str
    energy: Energy


def progress_line(figures: StreamFigures, miou: float, elapsed_s: float, seconds: float) -> str:
    """Return how a stream goes in one line of text; what is not known yet is a dash."""
    def number(value: Optional[float], form: str) -> str:
        return '-' if value is None or math.isnan(value) else format(value, form)

    return (f'{elapsed_s:.1f}/{seconds:g} s | {figures.fps:.1f} FPS | '
            f"age p50 {number(figures.latency_p50_ms, '.0f')} "
            f"p95 {number(figures.latency_p95_ms, '.0f')} ms | "
            f'dropped {figures.frames_dropped}/{figures.frames_published} | '
            f"mIoU {number(miou, '.3f')}")
