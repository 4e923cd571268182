"""Pictures with their truth, for the demo with ROS and without."""
from __future__ import annotations

import cv2
import numpy as np
import pytest


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    """Return a folder of pictures of the tiny bundle's size, with perfect truth beside it."""
    pytest.importorskip('onnx', reason='needs onnx, which is not installed')
    from tiny_bundle import tiny_labels
    folder = tmp_path_factory.mktemp('scenes')
    rng = np.random.default_rng(0)
    for kind in ('images', 'labels'):
        (folder / kind).mkdir()
    for number in range(3):
        image = rng.integers(0, 256, (64, 64, 3), np.uint8)
        cv2.imwrite(str(folder / 'images' / f'{number}.png'), image)
        cv2.imwrite(str(folder / 'labels' / f'{number}.png'), tiny_labels(image[..., ::-1]))
    return folder / 'images'
