"""Size and encoding that change in flight."""
from __future__ import annotations

import itertools

import cv2
import numpy as np
from tiny_bundle import tiny_labels
from watched_node import noise, OK, picture

SIZES = ((64, 64), (480, 640), (1, 1), (3, 200), (720, 1280), (64, 64))
FROM_RGB = {
    'rgb8': lambda rgb: rgb, 'bgr8': lambda rgb: rgb[..., ::-1],
    'rgba8': lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA),
    'bgra8': lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA),
}


def test_every_frame_is_answered_in_its_own_size(watch):
    node = watch().ready()
    for size, encoding in itertools.product(SIZES, FROM_RGB):
        pixels = noise(*size)
        labels = node.answer(picture(FROM_RGB[encoding](pixels), encoding))
        assert labels.shape == size
        if size == (64, 64):
            assert np.array_equal(labels, tiny_labels(pixels))
    status, values = node.status()
    assert (status.level, values['errors']) == (OK, '0')
