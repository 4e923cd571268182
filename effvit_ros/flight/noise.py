"""Noise: value noise over the whole map, seamless tiles for the fine grain, smooth curves."""
from __future__ import annotations

import cv2
import numpy as np

#: Edge of a seamless tile, pixels.
TILE = 1024


def fractal(rng: np.random.Generator, size: int, cell: float, octaves: int = 5,
            gain: float = 0.5) -> np.ndarray:
    """
    Multi-octave value noise, (size, size) float32, about -1 to 1.

    ``cell``: pixels between the control points of the first octave; each further octave
    halves it and multiplies the amplitude with ``gain``.
    """
    octaves = max(1, min(octaves, int(np.log2(cell))))
    count = int(np.ceil(size / cell)) + 3
    total: np.ndarray = rng.uniform(-1, 1, (count, count)).astype(np.float32)
    amplitude, norm = 1.0, 1.0
    for _ in range(octaves - 1):
        # Grow by two and cut a point on each side, where the border would show.
        total = cv2.resize(total, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)[1:-1, 1:-1]
        amplitude *= gain
        total += rng.uniform(-amplitude, amplitude, total.shape).astype(np.float32)
        norm += amplitude
        cell /= 2
    edge = int(np.ceil(size / cell)) + 1
    x, y = (int(v) for v in rng.integers(0, total.shape[0] - edge + 1, 2))
    total = cv2.resize(total[y:y + edge, x:x + edge], None, fx=cell, fy=cell,
                       interpolation=cv2.INTER_CUBIC if octaves < 4 else cv2.INTER_LINEAR)
    return total[:size, :size] * np.float32(1.6 / norm)


def spectral_tile(rng: np.random.Generator, low: float, high: float, slope: float) -> np.ndarray:
    """
    Seamless (TILE, TILE) uint8 noise, mean 128, standard deviation 40.

    Its spectrum falls as frequency ** -slope between wavelengths ``low`` (longest) and
    ``high`` (shortest), in pixels, and is zero outside.
    """
    fy = np.fft.fftfreq(TILE)[:, None]
    fx = np.fft.rfftfreq(TILE)[None, :]
    frequency = np.hypot(fx, fy)
    band = (frequency >= 1 / low) & (frequency <= 1 / high)
    weight = np.where(band, np.maximum(frequency, 1e-6) ** -slope, 0)
    spectrum = np.fft.rfft2(rng.standard_normal((TILE, TILE), dtype=np.float32))
    tile = np.fft.irfft2(spectrum * weight, (TILE, TILE))
    return np.clip(128 + 40 * tile / tile.std(), 0, 255).astype(np.uint8)


def cellular_tile(rng: np.random.Generator, spacing: float) -> np.ndarray:
    """
    Seamless (TILE, TILE) uint8 of stones: 0 in the joints, bright in the middle of each.

    ``spacing``: typical size of a stone, pixels. Every stone has a brightness of its own.
    """
    half = TILE // 2
    n = max(4, int(half / spacing))
    step = half / n
    jitter = rng.uniform(0.05, 0.95, (n, n, 2))
    points = (np.stack(np.meshgrid(np.arange(n), np.arange(n)), -1) + jitter) * step
    seeds = np.full((2 * half, 2 * half), 255, np.uint8)
    # One period wrapped by half a period all round, so that the middle is seamless.
    xy = np.round(points.reshape(-1, 2)).astype(int) % half
    for dx in (0, half):
        for dy in (0, half):
            seeds[(xy[:, 1] + dy), (xy[:, 0] + dx)] = 0
    distance, index = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    edge = distance / step
    shade = rng.uniform(0.55, 1.0, int(index.max()) + 1).astype(np.float32)
    # The same stone must have one brightness in all its copies.
    canonical = np.zeros(int(index.max()) + 1, np.int64)
    rows, cols = np.nonzero(seeds == 0)
    canonical[index[rows, cols]] = (rows % half) * half + cols % half
    values = shade[canonical % len(shade)][index] * np.clip(1.25 - 1.1 * edge, 0.1, 1)
    quarter = half // 2
    middle = values[quarter:quarter + half, quarter:quarter + half]
    middle = np.tile(middle, (2, 2))
    return np.clip(255 * middle, 0, 255).astype(np.uint8)


def spline(points: np.ndarray, step: float, closed: bool = False) -> np.ndarray:
    """
    Catmull-Rom curve through ``points`` (N, 2), resampled about every ``step``: (M, 2) float64.

    A closed curve does not repeat its first point.
    """
    points = np.asarray(points, np.float64)
    if closed:
        padded = np.concatenate([points[-1:], points, points[:2]])
    else:
        first, last = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
        padded = np.concatenate([first[None], points, last[None]])
    pieces = []
    t = np.linspace(0, 1, 24, endpoint=False)[:, None]
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:]):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t ** 2
                             + (3 * b - a - 3 * c + d) * t ** 3))
    curve = np.concatenate(pieces + [padded[-2:-1]])
    return resample(curve, step)[:-1 if closed else None]


def resample(curve: np.ndarray, step: float) -> np.ndarray:
    """Points at equal distances of about ``step`` along a polyline (N, 2), ends included."""
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
    count = max(2, int(round(length[-1] / step)) + 1)
    at = np.linspace(0, length[-1], count)
    return np.stack([np.interp(at, length, curve[:, 0]), np.interp(at, length, curve[:, 1])], 1)


def wander(rng: np.random.Generator, start: np.ndarray, heading: float, length: float, step: float,
           turn: float) -> np.ndarray:
    """
    Polyline of a crack: a jagged walk of ``length`` whose heading (rad) drifts by ``turn``.

    (M, 2) float64, ``step`` pixels between the points.
    """
    count = max(3, int(length / step))
    drift = np.cumsum(rng.normal(0, turn, count))
    angles = heading + drift - 0.5 * drift.mean() + rng.normal(0, 2.2 * turn, count)
    steps = step * np.stack([np.cos(angles), np.sin(angles)], 1)
    return np.asarray(start, np.float64) + np.concatenate([[[0, 0]], np.cumsum(steps, 0)])
