"""Pictures and label maps of many scenes on disk, for training and scoring."""
from __future__ import annotations

import os
from typing import Callable, Iterable, NamedTuple, Optional, Tuple, Union

import cv2
import numpy as np

from effvit_ros.core.classes import lpcv_classes
from effvit_ros.core.errors import UserError
from effvit_ros.flight.flight import Flight, FlightFrame
from effvit_ros.flight.path import random_pose
from effvit_ros.flight.renderer import random_light, Renderer
from effvit_ros.flight.scene import build_scene, SIZE


class DatasetPlan(NamedTuple):
    """
    What to write: ``frames`` pictures of each of ``seeds``, ``width`` x ``height`` pixels.

    ``split``: folder under images/ and labels/. ``stride``: None for views spread over the
    scene, else every ``stride``-th frame of the flight at 30 Hz. ``suffix``: jpg or png.
    """

    out: str
    seeds: range
    frames: int
    width: int = 512
    height: int = 512
    split: str = 'train'
    stride: Optional[int] = None
    suffix: str = 'jpg'
    scene_size: int = SIZE

    def paths(self, seed: int, index: int) -> Tuple[str, str]:
        """Return the paths of picture and label map."""
        stem = f'{seed:05d}_{index:05d}'
        return (os.path.join(self.out, 'images', self.split, f'{stem}.{self.suffix}'),
                os.path.join(self.out, 'labels', self.split, f'{stem}.png'))


class SpreadViews:
    """Independent views of one scene; view ``index`` depends on seed and index alone."""

    def __init__(self, seed: int, width: int, height: int, scene_size: int = SIZE) -> None:
        self._seed = seed
        self._scene = build_scene(seed, scene_size)
        self._renderer = Renderer(self._scene, width, height, seed)

    def frame(self, index: int) -> FlightFrame:
        """Render view ``index`` as a :class:`FlightFrame` (its stamp is 0)."""
        rng = np.random.default_rng([self._seed, 4, index])
        pose = random_pose(rng, self._scene.sights, len(self._scene.labels))
        blur = rng.gamma(1.2, 1.4)
        turn = rng.uniform(0, 2 * np.pi)
        image, labels = self._renderer.render(
            pose, random_light(rng), (blur * np.cos(turn), blur * np.sin(turn)), index)
        return FlightFrame(image, labels, 0.0)


def write_dataset(plan: DatasetPlan,
                  report: Optional[Callable[[int, int], None]] = None) -> Tuple[int, int]:
    """
    Write what is missing of ``plan``; return (written, skipped).

    ``report(done, total)`` is called after each picture. A file is either whole or not there.
    """
    todo = {seed: [i for i in range(plan.frames)
                   if not all(os.path.exists(p) for p in plan.paths(seed, i))]
            for seed in plan.seeds}
    total = len(plan.seeds) * plan.frames
    written, skipped = 0, total - sum(map(len, todo.values()))
    for path in plan.paths(0, 0):
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except OSError as error:
            raise UserError(f'cannot write to {plan.out}: {error.strerror}; give another --out')
    for seed, indices in todo.items():
        if not indices:
            continue
        source = _source(plan, seed)
        for index in indices:
            image, labels, _ = source.frame(index * (plan.stride or 1))
            image_path, label_path = plan.paths(seed, index)
            save(label_path, labels)
            save(image_path, image)
            written += 1
            if report:
                report(skipped + written, total)
    return written, skipped


def _source(plan: DatasetPlan, seed: int) -> Union[Flight, SpreadViews]:
    if plan.stride:
        return Flight(seed, plan.width, plan.height, 30.0, plan.scene_size)
    return SpreadViews(seed, plan.width, plan.height, plan.scene_size)


def save(path: str, picture: np.ndarray) -> None:
    """Encode a BGR or grey uint8 picture by the suffix of ``path``; never leave a half of it."""
    suffix = os.path.splitext(path)[1]
    options = [cv2.IMWRITE_JPEG_QUALITY, 92] if suffix == '.jpg' else []
    ok, data = cv2.imencode(suffix, picture, options)
    if not ok:
        raise UserError(f'cannot encode {path}: give a name that ends in .jpg or .png')
    part = f'{path}.{os.getpid()}.tmp'
    try:
        with open(part, 'wb') as file:
            file.write(data.tobytes())
        os.replace(part, path)
    except OSError as error:
        raise UserError(f'cannot write {path}: {error.strerror}')


def contact_sheet(frames: Iterable[FlightFrame], columns: int = 2, width: int = 480) -> np.ndarray:
    """Pictures next to their coloured truth, ``columns`` pairs a row: (H, W, 3) uint8 BGR."""
    cells = []
    for image, labels, _ in frames:
        height = round(width * image.shape[0] / image.shape[1])
        truth = np.ascontiguousarray(lpcv_classes().palette[labels][..., ::-1])
        cells.append(np.hstack([
            cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA),
            cv2.resize(truth, (width, height), interpolation=cv2.INTER_NEAREST)]))
    while len(cells) % columns:
        cells.append(np.zeros_like(cells[0]))
    return np.vstack([np.hstack(cells[i:i + columns]) for i in range(0, len(cells), columns)])
