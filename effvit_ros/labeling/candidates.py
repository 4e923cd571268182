"""What is known of each frame of a flight before anybody labels it."""
from __future__ import annotations

from typing import NamedTuple, Tuple, TYPE_CHECKING

import cv2
import numpy as np

from effvit_ros.core.segmenter import Segmenter
from effvit_ros.core.view import Views

if TYPE_CHECKING:
    from effvit_ros.bags.frames import RecordedFrame

#: Side of the tiny picture that tells scenes apart, and of the one that sharpness is told by.
_TINY, _SMALL = 12, 320
#: Share of a class's pixels below which it is taken for noise.
_SPECK = 0.0005
#: Weight of what the network sees in a frame, against that of how it looks.
_SEEN = 1.5


class Candidate(NamedTuple):
    """
    A frame that may be labelled.

    ``doubt``: 0..1, how unsure the network is. ``shares``: (n,) of the classes that it sees.
    ``look``: (d,) float, near for frames of one scene. ``sharpness``: of the picture, larger is
    sharper. ``light``: mean grey 0..255. ``strangeness``: 0..1, how unlike the pictures that the
    bundle was trained on; 0 where it does not say what those look like.
    """

    bag: str
    index: int  # type: ignore[assignment]  # hides tuple's method
    stamp_ns: int
    doubt: float
    shares: np.ndarray
    look: np.ndarray
    sharpness: float
    light: float
    strangeness: float = 0.0


def measure(bag_name: str, frame: RecordedFrame, segmenter: Segmenter) -> Candidate:
    """Return the :class:`Candidate` of a recorded frame."""
    bundle = segmenter.bundle
    bgr = frame.picture.bgr()
    # As in flight, or its look could not be compared with what was recorded.
    labels, doubt, strangeness = judged(segmenter, bgr)
    n_classes = len(bundle.classes)
    shares = np.bincount(labels.ravel(), minlength=n_classes)[:n_classes] / labels.size
    shares[shares < _SPECK] = 0
    small = _small(bgr)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    return Candidate(
        bag_name, frame.index, frame.stamp_ns, doubt, shares, look(small, shares),
        float(cv2.Laplacian(grey, cv2.CV_32F).var()), float(grey.mean()), strangeness)


def judged(segmenter: Segmenter, bgr: np.ndarray) -> Tuple[np.ndarray, float, float]:
    """
    Return the labels of a picture, how unsure the network is of them and how strange it is, 0..1.

    Doubt is what its scores say (1 - mean confidence) where the bundle gives scores; else the
    share of labels that change when the picture is mirrored: a network that knows does not care.
    """
    segmentation = segmenter.segment(bgr, 'bgr')
    labels = segmentation.labels.copy()
    if segmentation.scores is not None:
        doubt = 1 - float(segmentation.confidence().mean()) / 255
        views = segmenter.bundle.views
        return labels, doubt, strangeness(views, segmentation.look()) if views else 0.0
    mirrored = segmenter.segment(np.ascontiguousarray(bgr[:, ::-1]), 'bgr').labels
    return labels, float(np.count_nonzero(mirrored[:, ::-1] != labels) / labels.size), 0.0


def strangeness(views: Views, numbers: np.ndarray) -> float:
    """
    Return how unlike the training pictures a picture is, 0..1.

    0 for one no farther than half of them are, 1 for one as far as hardly any of them is.

    :param numbers: what :meth:`~effvit_ros.core.segmenter.Segmentation.look` returned.
    """
    usual, utmost = views.quantiles[0], max(views.quantiles[-1], views.quantiles[0] + 1e-6)
    return float(np.clip((views.nearest(numbers).distance - usual) / (utmost - usual), 0, 1))


def look(small: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return a descriptor (d,) float32: tiny picture in Lab, contrast, what the network sees."""
    tiny = cv2.resize(small, (_TINY, _TINY), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(tiny, cv2.COLOR_BGR2LAB).astype(np.float32) / 255
    # Of the root, so that a small share counts.
    return np.concatenate([(lab / _TINY).ravel(), _SEEN * np.sqrt(shares)]).astype(np.float32)


def _small(bgr: np.ndarray) -> np.ndarray:
    scale = _SMALL / max(bgr.shape[:2])
    if scale >= 1:
        return bgr
    size = tuple(max(1, round(side * scale)) for side in bgr.shape[1::-1])
    return cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
