"""A teacher's opinion of a whole picture, whatever kind of network it is."""
from __future__ import annotations

from pathlib import Path
from typing import Callable, List, Tuple

import cv2
import numpy as np
import torch

from effvit_compression.data.answers import GRID
from effvit_compression.models.frozen import Frozen
from effvit_compression.models.store import load_network
from effvit_compression.teachers.settings import Asked, KnownTeacher
from effvit_ros.core.classes import ClassSet
from effvit_ros.core.errors import UserError

#: Takes (side, side, 3) uint8 RGB, gives probabilities (h, w, classes) float32.
Network = Callable[[np.ndarray], np.ndarray]


def open_teacher(settings: KnownTeacher, classes: ClassSet) -> Network:
    """
    Load a network.

    :param classes: that it has to tell apart; of a graph only their number shows.
    :raises UserError: it can't be read, or tells other classes apart.
    """
    if settings.model is None:
        return open_graph(settings)
    return open_model(settings.name, settings.model, classes)


def open_model(name: str, model: Path, classes: ClassSet) -> Network:
    """Load a checkpoint or a bundle; :raises UserError: it tells other classes apart."""
    net = load_network(model)
    difference = net.architecture.classes.differences(classes)
    if difference:
        raise UserError(f'teacher {name}: {model}: {difference}')
    frozen = Frozen(net)

    def look(image: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
        return frozen.features(batch)[1].softmax(1)[0].permute(1, 2, 0).numpy()
    return look


def open_graph(settings: KnownTeacher) -> Network:
    """Load an ONNX graph."""
    import onnxruntime
    try:
        session = onnxruntime.InferenceSession(
            str(settings.onnx), providers=['CPUExecutionProvider'])
    except Exception as error:  # onnxruntime has a class of its own for each complaint
        raise UserError(f'teacher {settings.name}: {settings.onnx}: '
                        f'{" ".join(str(error).split())[:120]}') from error
    name = session.get_inputs()[0].name
    mean, std = np.array(settings.mean, np.float32), np.array(settings.std, np.float32)

    def look(image: np.ndarray) -> np.ndarray:
        x = ((image - mean) / std).transpose(2, 0, 1)[None].astype(np.float32)
        scores = session.run(None, {name: x})[0][0]
        scores = np.exp(scores - scores.max(axis=0))
        return (scores / scores.sum(axis=0)).transpose(1, 2, 0)
    return look


def opinion(network: Network, settings: Asked, image: np.ndarray) -> np.ndarray:
    """
    Probabilities (GRID, GRID, classes) float32 of a picture of any shape.

    The mean over its windows, which overlap by half, and their mirror images.
    """
    total: np.ndarray = np.zeros(1, np.float32)
    seen = np.zeros((GRID, GRID, 1), np.float32)
    for count in settings.windows:
        side = settings.side * count
        whole = cv2.resize(image, (side, side), interpolation=(
            cv2.INTER_AREA if side < max(image.shape) else cv2.INTER_LINEAR))
        for top, left in corners(count):
            y, x = int(top * settings.side), int(left * settings.side)
            said = looked(network, whole[y:y + settings.side, x:x + settings.side], settings.flip)
            start, cells = [round(GRID * at / count) for at in (top, left)], GRID // count
            said = cv2.resize(said, (cells, cells), interpolation=cv2.INTER_LINEAR)
            place = np.zeros((GRID, GRID, said.shape[-1]), np.float32)
            place[start[0]:start[0] + cells, start[1]:start[1] + cells] = said
            total = total + place
            seen[start[0]:start[0] + cells, start[1]:start[1] + cells] += 1
    return total / seen.clip(1)


def corners(count: int) -> List[Tuple[float, float]]:
    """Return top and left of windows that overlap by half, in sides of a window."""
    places = np.arange(0, count - 0.5, 0.5)
    return [(top, left) for top in places for left in places]


def looked(network: Network, image: np.ndarray, flip: bool) -> np.ndarray:
    """Return the network's answer, or the mean of it and of the mirror image's."""
    said = network(image)
    return (said + network(image[:, ::-1])[:, ::-1]) / 2 if flip else said
