"""What is made of what the listener hears: counts, times, scores, moments to show."""
from __future__ import annotations

import time
from collections import deque, OrderedDict
from typing import Deque, Dict, Generic, List, Optional, Sequence, Tuple, TYPE_CHECKING, TypeVar

import numpy as np
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, Image

from effvit_ros.core import topics
from effvit_ros.core.message_stamps import stamp_ns
from effvit_ros.core.metrics import ConfusionMatrix
from effvit_ros.harness.listener import Listener
from effvit_ros.harness.outcome import Snapshot
from effvit_ros.harness.tally import Tally
from effvit_ros.ros.common.codec import picture_from

if TYPE_CHECKING:
    from effvit_ros.harness.processes import NodeProcess

_Item = TypeVar('_Item')

#: How many pictures and truths are kept until their label map comes (1.5 s at 30 Hz).
_KEPT = 45
#: How many pictures, truths and label maps may wait: what is older is of no use.
_NEWEST = 5


class Collector:
    """
    Counts frames, times label maps, scores them against the truth, and keeps moments.

    Pictures stay serialized until one is needed; :meth:`score_next` is called between
    messages, so that scoring delays none. All stamps are of one machine's clock.
    ``listener`` is the :class:`~effvit_ros.harness.listener.Listener` that hears for it.
    """

    def __init__(self, nodes: Sequence[NodeProcess], n_classes: int, keep_pictures: bool = True,
                 truth: bool = True) -> None:
        """
        Subscribe.

        :param nodes: the camera's and the segmenter's process.
        :param n_classes: of the model.
        :param keep_pictures: also take in pictures and truth, for moments and scores; without,
            nothing is done with what arrives but to time it.
        :param truth: False where the truth's ids mean other classes: it is left alone.
        """
        self.tally = Tally()
        self.confusion = ConfusionMatrix(n_classes)
        self.frame_size: Optional[Tuple[int, int]] = None
        self._moments: Dict[int, Snapshot] = {}
        self._moment_due_ns: Deque[int] = deque()
        self._pictures: _Recent[bytes] = _Recent()
        self._truths: _Recent[bytes] = _Recent()
        self._labels: _Recent[np.ndarray] = _Recent()
        self._unscored: _Recent[np.ndarray] = _Recent()
        self._window = range(0)
        self.listener = Listener('collector', nodes, self._on_labels, _NEWEST)
        hear = self.listener.subscribe
        hear(CameraInfo, 'camera_info', self._on_camera_info, raw=False)
        hear(Image, topics.of_segmenter(topics.OVERLAY), self._on_overlay, _NEWEST)
        if keep_pictures:
            hear(Image, 'image', lambda raw: self._pictures.put(stamp_ns(raw), raw), _NEWEST)
            if truth:
                hear(Image, 'truth', self._on_truth, _NEWEST)

    @property
    def moments(self) -> List[Snapshot]:
        """Return the moments kept so far, oldest first."""
        return list(self._moments.values())

    def begin(self, start_ns: int, end_ns: int, n_moments: int) -> None:
        """Score what is stamped in this window and keep ``n_moments``, spread evenly over it."""
        self._window = range(start_ns, end_ns)
        length = end_ns - start_ns
        self._moment_due_ns.extend(
            start_ns + length * (2 * i + 1) // (2 * n_moments) for i in range(n_moments))

    def score_next(self) -> bool:
        """Score one label map whose truth is there; returns whether there was one."""
        for stamp in self._unscored.stamps():
            truth = self._truths.get(stamp)
            if truth is not None:
                self.confusion.update(_pixels(truth), self._unscored.pop(stamp))
                return True
        return False

    def _on_camera_info(self, message: CameraInfo) -> None:
        self.frame_size = message.width, message.height
        stamp = message.header.stamp
        self.tally.publish(stamp.sec * 10**9 + stamp.nanosec)

    def _on_labels(self, raw: bytes) -> None:
        arrival = time.time_ns()
        stamp = stamp_ns(raw)
        self.tally.segment(stamp, arrival)
        labels = _pixels(raw)
        self._labels.put(stamp, labels)
        if stamp in self._window:
            self._unscored.put(stamp, labels)

    def _on_overlay(self, raw: bytes) -> None:
        stamp = stamp_ns(raw)
        if not self._moment_due_ns or stamp < self._moment_due_ns[0]:
            return
        picture, labels = self._pictures.get(stamp), self._labels.get(stamp)
        if picture is None or labels is None:
            return
        truth = self._truths.get(stamp)
        self._moment_due_ns.popleft()
        self._moments[stamp] = Snapshot(
            (stamp - self._window.start) * 1e-9, _pixels(picture),
            None if truth is None else _pixels(truth), labels, _pixels(raw))

    def _on_truth(self, raw: bytes) -> None:
        stamp = stamp_ns(raw)
        self._truths.put(stamp, raw)
        # A fast model's overlay may be read before its truth.
        if stamp in self._moments:
            self._moments[stamp] = self._moments[stamp]._replace(truth=_pixels(raw))


class _Recent(Generic[_Item]):
    """The newest few items by stamp."""

    def __init__(self) -> None:
        self._items: OrderedDict[int, _Item] = OrderedDict()

    def put(self, stamp_ns: int, item: _Item) -> None:
        """Keep ``item`` and forget the oldest."""
        self._items[stamp_ns] = item
        if len(self._items) > _KEPT:
            self._items.popitem(last=False)

    def get(self, stamp_ns: int) -> Optional[_Item]:
        """Return the item with this very stamp, or None."""
        return self._items.get(stamp_ns)

    def pop(self, stamp_ns: int) -> _Item:
        """Return the item with this stamp and forget it."""
        return self._items.pop(stamp_ns)

    def stamps(self) -> List[int]:
        """Return the stamps, oldest first."""
        return list(self._items)


def _pixels(raw: bytes) -> np.ndarray:
    """Return the picture of a serialized Image."""
    return picture_from(deserialize_message(raw, Image)).pixels
