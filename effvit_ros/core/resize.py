"""Label maps in another size: every pixel takes the id of the nearest one, by its centre."""
from __future__ import annotations

from typing import Optional, Tuple

import cv2
import numpy as np

#: OpenCV before 4.5 (Ubuntu 20.04's) has another nearest only, which is off by half a pixel.
_EXACT = getattr(cv2, 'INTER_NEAREST_EXACT', None)


def nearest(labels: np.ndarray, size: Tuple[int, int],
            dst: Optional[np.ndarray] = None) -> np.ndarray:
    """
    Return ``labels`` in the size (width, height).

    :param labels: (H, W) or (H, W, 3) uint8.
    :param dst: an array to write to, of the result's shape.
    """
    if _EXACT is not None:
        return cv2.resize(labels, size, dst=dst, interpolation=_EXACT)
    rows, columns = (_centres(there, here) for there, here in zip(labels.shape, size[::-1]))
    return np.take(np.take(labels, rows, axis=0), columns, axis=1, out=dst)


def _centres(there: int, here: int) -> np.ndarray:
    """Return the index in ``there`` pixels of each of ``here`` pixels' centres."""
    return (2 * np.arange(here) + 1) * there // (2 * here)
