"""Where the camera is: a smooth closed round over the sights of a scene, or single views."""
from __future__ import annotations

from typing import Mapping, NamedTuple, Tuple

import numpy as np

from effvit_ros.flight.noise import spline

#: Width in pixels that ``Pose.scale`` speaks of: other widths see the same ground.
REFERENCE_WIDTH = 640
#: Seconds of one round.
ROUND_S = 22.0


class Pose(NamedTuple):
    """
    One view. ``x``, ``y``: map pixel in the middle of the picture.

    ``scale``: map pixels per picture pixel straight below a camera 640 pixels wide;
    ``heading``: map angle of the picture's upward direction; ``pitch``, ``roll``: tilt of the
    camera forward and to the side; all angles in rad.
    """

    x: float
    y: float
    scale: float
    heading: float
    pitch: float
    roll: float


class FlightPath:
    """Closed, smooth round over ``sights`` (class id -> (x, y)) of a map of ``size`` pixels."""

    def __init__(self, sights: Mapping[int, Tuple[float, float]], size: int, seed: int) -> None:
        rng = np.random.default_rng([seed, 1])
        margin = 0.17 * size
        points = np.clip(np.array([sights[key] for key in sorted(sights)]), margin, size - margin)
        points = self._thin(points, 0.09 * size)
        middle = points.mean(0)
        order = np.argsort(np.arctan2(*(points - middle).T[::-1]))
        points = self._untangle(points[order[::rng.choice([-1, 1])]])
        curve = spline(points, 8.0, closed=True)
        curve = np.clip(self._smooth(curve, 24), margin * 0.8, size - margin * 0.8)
        self._curve = self._smooth(curve, 10)
        ahead = np.roll(self._curve, -1, 0) - np.roll(self._curve, 1, 0)
        heading = np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0]))
        turns = round((heading[-1] - heading[0]) / (2 * np.pi)) * 2 * np.pi
        drift = turns * np.arange(len(heading)) / len(heading)
        self._heading = self._smooth((heading - drift)[:, None], 40)[:, 0]
        self._turns = turns
        self._phase = rng.uniform(0, 2 * np.pi, 8)
        self._base_tilt = rng.uniform(0.02, 0.28)

    @staticmethod
    def _thin(points: np.ndarray, gap: float) -> np.ndarray:
        """Drop points that lie nearer than ``gap`` to one kept before; three stay at least."""
        kept = [points[0]]
        for point in points[1:]:
            if min(np.hypot(*(point - other)) for other in kept) > gap:
                kept.append(point)
        while len(kept) < 3:
            kept.append(kept[0] + gap * np.array([len(kept), len(kept) % 2]))
        return np.array(kept)

    @staticmethod
    def _untangle(points: np.ndarray) -> np.ndarray:
        """Shorten the round by turning pieces of it about (2-opt)."""
        def length(p: np.ndarray) -> float:
            return np.hypot(*(p - np.roll(p, 1, 0)).T).sum()
        best, improved = points, True
        while improved:
            improved = False
            for i in range(1, len(best) - 1):
                for j in range(i + 1, len(best)):
                    trial = np.concatenate([best[:i], best[i:j + 1][::-1], best[j + 1:]])
                    if length(trial) < length(best) - 1e-6:
                        best, improved = trial, True
        return best

    @staticmethod
    def _smooth(values: np.ndarray, sigma: float) -> np.ndarray:
        """Gaussian mean along a closed curve (N, C)."""
        frequency = np.fft.rfftfreq(len(values))[:, None]
        window = np.exp(-2 * (np.pi * frequency * sigma) ** 2)
        return np.fft.irfft(np.fft.rfft(values, axis=0) * window, len(values), axis=0)

    def _at(self, phase: float) -> Tuple[np.ndarray, float]:
        """Place and heading at ``phase`` rounds, linear between the points of the curve."""
        count = len(self._curve)
        whole = int(np.floor(phase))
        at = (phase - whole) * count
        i = int(at) % count
        j, part = (i + 1) % count, at - int(at)
        place = self._curve[i] * (1 - part) + self._curve[j] * part
        swing = self._heading[i] * (1 - part) + self._heading[j] * part
        return place, swing + self._turns * (phase - np.floor(phase)) + self._turns * whole

    def pose(self, time_s: float) -> Pose:
        """Return the :class:`Pose` at ``time_s`` seconds after take-off."""
        phase = time_s / ROUND_S
        (x, y), heading = self._at(phase)
        p, w = self._phase, 2 * np.pi
        climb = 0.26 * np.sin(w * 2 * phase + p[0]) + 0.1 * np.sin(w * 5 * phase + p[1])
        scale = 1.5 * np.exp(climb)
        pitch = self._base_tilt + 0.05 * np.sin(w * 0.11 * time_s + p[2]) + 0.012 * np.sin(
            w * 0.47 * time_s + p[3])
        roll = 0.05 * np.sin(w * 0.09 * time_s + p[4]) + 0.012 * np.sin(w * 0.53 * time_s + p[5])
        heading += 0.06 * np.sin(w * 0.13 * time_s + p[6])
        return Pose(float(x), float(y), float(scale), float(heading), float(pitch), float(roll))


def random_pose(rng: np.random.Generator, sights: Mapping[int, Tuple[float, float]],
                size: int) -> Pose:
    """
    Return a view for a data set: any height, heading and tilt.

    Three of four look near the sight of a class drawn at random, the rest anywhere.
    """
    if rng.random() < 0.75:
        key = sorted(sights)[rng.integers(len(sights))]
        place = np.array(sights[key]) + rng.normal(0, 0.05 * size, 2)
    else:
        place = rng.uniform(0, size, 2)
    scale = float(np.exp(rng.uniform(np.log(0.7), np.log(2.8))))
    margin = min(0.3 * size, 280 * scale)
    x, y = np.clip(place, margin, size - margin)
    pitch = abs(rng.normal(0, 0.28)) if rng.random() < 0.6 else rng.normal(0, 0.05)
    return Pose(float(x), float(y), scale, float(rng.uniform(0, 2 * np.pi)),
                float(min(pitch, 0.62)), float(rng.normal(0, 0.05)))
