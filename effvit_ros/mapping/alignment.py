"""
Poses made to agree: pictures that overlap say how far apart their poses' errors are.

Neighbouring pictures laid on the ground by their own poses do not quite meet; by how much is
measured by phase correlation. What all of them measure is brought to agree by least squares in
which each pose also holds to what was told, so that errors that change over the flight (a
receiver's, a mount's) average out instead of smearing the map.
"""
from __future__ import annotations

import math
import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple, Union

import cv2
import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.mapping.camera_model import CameraModel
from effvit_ros.mapping.ground import Ground
from effvit_ros.mapping.pose_settings import CameraPose
from effvit_ros.mapping.projection import Footprint, footprint, Grid, sampled_picture
from effvit_ros.mapping.track import PoseProblem

#: Metres of a cell of the pictures that are compared; finer finds no more.
CELL_M = 0.5
#: Pictures before a picture that it is compared with, and earlier ones that saw the same ground.
NEIGHBOURS, LOOPS = 3, 3
#: Cells that two pictures must share on each side, and the share of them that both must see.
LEAST_SIDE, LEAST_SHARE = 40, 0.25
#: Peaks of phase correlation below this are chance.
LEAST_RESPONSE = 0.08
#: Metres: of a measured difference; and how far off one is no longer believed.
SIGMA_M, OUTLIER_M = 0.3, 1.5


#: Patches in memory; the others lie on disk, a tenth of a megabyte each.
IN_MEMORY = 64


class Patch(NamedTuple):
    """A picture on the ground: (H, W) float32 grey, high-pass; its mask; south-west cell."""

    grey: np.ndarray
    seen: np.ndarray
    row: int
    column: int


class Patches:
    """Patches by number; the last used in memory, the rest in files that go in the end."""

    def __init__(self, folder: Union[str, Path]) -> None:
        """Start empty; ``folder`` is made anew."""
        self._folder = Path(folder)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._memory: OrderedDict[int, Patch] = OrderedDict()

    def put(self, number: int, patch: Patch) -> None:
        """
        Keep a patch.

        :raises UserError: the disk is full.
        """
        # Whole numbers are fine enough for grey values, and a quarter of the disk.
        grey = np.clip(np.rint(patch.grey), -127, 127).astype(np.int8)
        try:
            np.savez(self._path(number), grey=grey, seen=np.packbits(patch.seen),
                     place=(patch.row, patch.column))
        except OSError as error:
            raise UserError(f'{self._path(number)}: cannot be written: {error.strerror}') from None
        self._remember(number, patch)

    def get(self, number: int) -> Patch:
        """Return a patch."""
        if number in self._memory:
            self._memory.move_to_end(number)
            return self._memory[number]
        with np.load(self._path(number), allow_pickle=False) as file:
            grey = file['grey'].astype(np.float32)
            seen = np.unpackbits(file['seen'], count=grey.size).reshape(grey.shape).astype(bool)
            patch = Patch(grey, seen, *(int(v) for v in file['place']))
        self._remember(number, patch)
        return patch

    def close(self) -> None:
        """Remove the files."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _remember(self, number: int, patch: Patch) -> None:
        self._memory[number] = patch
        while len(self._memory) > IN_MEMORY:
            self._memory.popitem(last=False)

    def _path(self, number: int) -> Path:
        return self._folder / f'{number}.npz'


class Aligner:
    """Takes pictures with their poses, then gives each pose's shift."""

    def __init__(self, ground: Ground, widest_angle_deg: float,
                 folder: Union[str, Path]) -> None:
        """Compare pictures on this ground; ``folder``: for what does not fit into memory."""
        self._ground = ground
        self._grid = Grid(CELL_M, widest_angle_deg)
        self._patches = Patches(folder)
        self._stamps: List[int] = []
        self._middles: List[np.ndarray] = []
        self._sigmas: List[float] = []
        #: Number of a picture, of one before it, and by how much it lies off that, metres.
        self._edges: List[Tuple[int, int, float, float]] = []

    def add(self, stamp_ns: int, bgr: np.ndarray, camera: CameraModel, pose: CameraPose) -> None:
        """Take in a picture; one that sees no ground is passed over."""
        try:
            place = footprint(camera, pose, self._ground, self._grid)
        except PoseProblem:
            return
        patch = _patch(place, bgr)
        middle = _middle(patch)
        number = len(self._stamps)
        reach = 0.3 * min(patch.grey.shape) * CELL_M
        for other in self._neighbours(middle, reach):
            difference = measure(patch, self._patches.get(other))
            if difference is not None:
                self._edges.append((number, other, *difference))
        self._patches.put(number, patch)
        self._stamps.append(stamp_ns)
        self._middles.append(middle)
        self._sigmas.append(_sigma(pose))

    def shifts(self) -> Dict[int, Tuple[float, float]]:
        """Return {stamp: (east, north)} metres that are to be taken from each position."""
        self._patches.close()
        if not self._edges:
            return {}
        first, second = (np.array([e[k] for e in self._edges]) for k in (0, 1))
        measured = np.array([e[2:4] for e in self._edges])
        told = np.array(self._sigmas) ** -2.0
        errors = solve(len(self._stamps), first, second, measured, told)
        return {stamp: (round(float(x), 4), round(float(y), 4))
                for stamp, (x, y) in zip(self._stamps, errors)}

    def _neighbours(self, middle: np.ndarray, reach: float) -> List[int]:
        """Return the last pictures, and of those before them the nearest within ``reach``."""
        count = len(self._stamps)
        last = list(range(max(0, count - NEIGHBOURS), count))
        if count <= NEIGHBOURS:
            return last
        away = np.hypot(*(np.array(self._middles[:-NEIGHBOURS]) - middle).T)
        return last + [int(i) for i in np.argsort(away, kind='stable')[:LOOPS] if away[i] < reach]


def measure(patch: Patch, other: Patch) -> Optional[Tuple[float, float]]:
    """Return (east, north) by which ``patch`` lies off ``other``, metres; None where unsure."""
    row, column = max(patch.row, other.row), max(patch.column, other.column)
    height = min(patch.row + patch.grey.shape[0], other.row + other.grey.shape[0]) - row
    width = min(patch.column + patch.grey.shape[1], other.column + other.grey.shape[1]) - column
    if min(height, width) < LEAST_SIDE:
        return None
    a, b = (np.s_[row - p.row:row - p.row + height, column - p.column:column - p.column + width]
            for p in (patch, other))
    both = (patch.seen[a] & other.seen[b]).astype(np.float32)
    if both.mean() < LEAST_SHARE:
        return None
    # Soft edges, or the outline of what both see would be what correlates.
    both = cv2.GaussianBlur(cv2.erode(both, np.ones((5, 5), np.uint8)), (0, 0), 2)
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    (dx, dy), response = cv2.phaseCorrelate(other.grey[b] * both, patch.grey[a] * both, window)
    if response < LEAST_RESPONSE or np.hypot(dx, dy) > 0.25 * min(height, width):
        return None
    return dx * CELL_M, dy * CELL_M


def solve(count: int, first: np.ndarray, second: np.ndarray, measured: np.ndarray,
          told: np.ndarray, rounds: int = 12) -> np.ndarray:
    """
    Return the errors (count, 2) that explain measured differences best.

    :param first, second: indices: ``measured[k]`` is error[first[k]] - error[second[k]].
    :param told: (count,) weights by which each error is held to zero.
    """
    errors = np.zeros((count, 2))
    trust = np.full(len(measured), SIGMA_M ** -2.0)
    for _ in range(rounds):
        errors = _conjugate_gradients(count, first, second, measured, trust, told, errors)
        off = np.hypot(*(errors[first] - errors[second] - measured).T)
        # Cauchy's weights: a wrong match among many loses its say.
        trust = SIGMA_M ** -2.0 / (1 + (off / OUTLIER_M) ** 2) ** 2
    return errors


def _conjugate_gradients(count: int, first: np.ndarray, second: np.ndarray, measured: np.ndarray,
                         trust: np.ndarray, told: np.ndarray, start: np.ndarray) -> np.ndarray:
    def product(x: np.ndarray) -> np.ndarray:
        flow = trust[:, None] * (x[first] - x[second])
        return told[:, None] * x + _scattered(count, first, second, flow)
    right = _scattered(count, first, second, trust[:, None] * measured)
    x = start.copy()
    rest = right - product(x)
    way, size = rest.copy(), (rest ** 2).sum()
    for _ in range(4 * count):
        if size < 1e-12:
            break
        image = product(way)
        step = size / (way * image).sum()
        x += step * way
        rest -= step * image
        last, size = size, (rest ** 2).sum()
        way = rest + size / last * way
    return x


def _scattered(count: int, first: np.ndarray, second: np.ndarray,
               values: np.ndarray) -> np.ndarray:
    total = np.zeros((count, 2))
    np.add.at(total, first, values)
    np.add.at(total, second, -values)
    return total


def _patch(place: Footprint, bgr: np.ndarray) -> Patch:
    grey = sampled_picture(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), place).astype(np.float32)
    seen = place.weight > 0
    # Against the mean about it: light changes from picture to picture.
    share = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), 6)
    mean = cv2.GaussianBlur(grey * seen, (0, 0), 6) / np.maximum(share, 1e-3)
    return Patch(np.where(seen, grey - mean, 0).astype(np.float32), seen, place.row, place.column)


def _middle(patch: Patch) -> np.ndarray:
    """Return where the middle of what is seen lies, (east, north) metres."""
    rows, columns = np.nonzero(patch.seen)
    return np.array([patch.column + columns.mean(), patch.row + rows.mean()]) * CELL_M


def _sigma(pose: CameraPose) -> float:
    """Return how far a picture's place on the ground may be off, metres."""
    height = float(pose.position[2])
    sigma = math.hypot(max(pose.sigma_position[:2]), height * max(pose.sigma_attitude[:2]))
    return max(sigma, 0.01)
