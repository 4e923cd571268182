"""Fixtures for the workstation side: a tiny dataset in the common layout."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
import yaml

try:
    import torch

    from effvit_compression import torch_env  # noqa: F401  (before torchmetrics)
except ModuleNotFoundError:  # a robot: every file here then skips itself
    pass
else:
    # The tensors here are tiny: a second thread would only keep the first one waiting.
    torch.set_num_threads(1)

NAMES = {0: 'background', 7: 'flood/water/river/sea', 10: 'person'}


def write_pair(folder, split, stem, image, label):
    """Write a picture (RGB) and its label map."""
    for kind, array, suffix in (('images', image[..., ::-1], '.jpg'), ('labels', label, '.png')):
        path = folder / kind / split / (stem + suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), array)


def quadrants(height=60, width=80, seed=0):
    """Return a noisy picture whose left half is blue water, and its label map."""
    rng = np.random.default_rng(seed)
    image = rng.integers(90, 130, (height, width, 3), np.uint8)
    label = np.zeros((height, width), np.uint8)
    image[:, :width // 2] //= np.array([4, 3, 1], np.uint8)
    label[:, :width // 2] = 7
    label[:6, -6:] = 10
    label[-2:] = 255
    return image, label


@pytest.fixture
def dataset(tmp_path):
    """Return the description file of three train pictures and one for val."""
    for seed, (split, stem) in enumerate(
            [('train', 'a'), ('train', 'b'), ('train', 'c'), ('val', 'd')]):
        write_pair(tmp_path / 'data', split, stem, *quadrants(seed=seed))
    path = tmp_path / 'tiny.yaml'
    path.write_text(yaml.safe_dump({
        'name': 'tiny', 'root': 'data', 'classes': NAMES, 'licence': 'none',
        'terms': 'for tests only', 'splits': {
            split: {'images': f'images/{split}/*.jpg', 'labels': f'labels/{split}/*.png'}
            for split in ('train', 'val')}}))
    return path
