"""Pictures to compare an engine with its graph on: a folder's, or made ones."""
from __future__ import annotations

import contextlib
from pathlib import Path
from typing import List

import cv2
import numpy as np

from effvit_ros.core.bundle import Bundle
from effvit_ros.core.errors import UserError
from effvit_ros.core.labelled_pictures import read_picture
from effvit_ros.core.picture_files import PICTURES, pictures_under

#: As many of a folder's pictures are taken, spread over it.
COUNT = 8


def sample_pictures(bundle: Bundle, folder: str = '') -> List[np.ndarray]:
    """
    Return pictures, each (H, W, 3) uint8 in the bundle's channel order.

    :param folder: searched with its subfolders; '' makes pictures of clouded colours, which
        have the statistics of natural ones but show nothing.
    :raises UserError: there is no such folder, or it has no picture that can be read.
    """
    if not folder:
        return [_clouds(seed, bundle.height, bundle.width) for seed in range(COUNT // 2)]
    root = Path(folder).expanduser()
    paths = pictures_under(root) if root.is_dir() else []
    chosen = [paths[i * len(paths) // COUNT] for i in range(COUNT)] if len(paths) > COUNT \
        else paths
    pictures = []
    for path in chosen:
        with contextlib.suppress(UserError):  # the others will do
            pictures.append(read_picture(path).bgr())
    if not pictures:
        raise UserError(f'{folder}: no picture in it ({", ".join(PICTURES)})')
    if bundle.channel_order == 'rgb':
        pictures = [cv2.cvtColor(p, cv2.COLOR_BGR2RGB) for p in pictures]
    return pictures


def _clouds(seed: int, height: int, width: int) -> np.ndarray:
    """Return noise whose amplitude falls with its frequency, as that of natural pictures."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 128, np.float32)
    side = 2
    while side <= min(height, width):
        layer = rng.normal(0, 60 / np.log2(2 * side), (side, side, 3)).astype(np.float32)
        picture += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC)
        side *= 2
    return np.clip(picture, 0, 255).astype(np.uint8)
