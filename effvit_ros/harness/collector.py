"""The third process's ears: takes in what camera and segmenter publish."""
from __future__ import annotations

import struct
import time
from collections import deque, OrderedDict

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, Image

from effvit_ros.core import topics
from effvit_ros.core.metrics import ConfusionMatrix
from effvit_ros.harness.outcome import Snapshot
from effvit_ros.harness.tally import Tally
from effvit_ros.ros.common.codec import picture_from
from effvit_ros.ros.health.health import segmenter_status

#: How many pictures and truths are kept until their label map comes (1.5 s at 30 Hz).
_KEPT = 45


class Collector(Node):
    """
    Counts frames, times label maps, scores them against the truth, and keeps moments.

    Pictures stay serialized until one is needed; :meth:`score_next` is called between
    messages, so that scoring delays none. All stamps are of one machine's clock.
    """

    def __init__(self, n_classes, keep_pictures=True, truth=True):
        """
        Subscribe.

        :param n_classes: of the model.
        :param keep_pictures: also take in pictures and truth, for moments and scores; without,
            nothing is done with what arrives but to time it.
        :param truth: False where the truth's ids mean other classes: it is left alone.
        """
        super().__init__('collector')
        self.tally = Tally()
        self.confusion = ConfusionMatrix(n_classes)
        #: name -> value of the segmenter's newest diagnostics, with 'level' and 'message'.
        self.diagnostics = {}
        self.frame_size = None
        self._moments = {}
        self._moment_due_ns = deque()
        self._pictures = _Recent()
        self._truths = _Recent()
        self._labels = _Recent()
        self._unscored = _Recent()
        self._window = range(0)
        waiting = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
        newest = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
        self.create_subscription(CameraInfo, 'camera_info', self._on_camera_info, waiting)
        self.create_subscription(DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics, 10)
        self.create_subscription(
            Image, topics.of_segmenter(topics.LABELS), self._on_labels, newest)
        self.create_subscription(
            Image, topics.of_segmenter(topics.OVERLAY), self._on_overlay, newest, raw=True)
        if keep_pictures:
            self.create_subscription(
                Image, 'image', lambda raw: self._pictures.put(_stamp_ns(raw), raw),
                newest, raw=True)
            if truth:
                self.create_subscription(Image, 'truth', self._on_truth, newest, raw=True)

    @property
    def moments(self):
        """Return the moments kept so far, oldest first."""
        return list(self._moments.values())

    def begin(self, start_ns, end_ns, n_moments):
        """Score what is stamped in this window and keep ``n_moments``, spread evenly over it."""
        self._window = range(start_ns, end_ns)
        length = end_ns - start_ns
        self._moment_due_ns.extend(
            start_ns + length * (2 * i + 1) // (2 * n_moments) for i in range(n_moments))

    def score_next(self):
        """Score one label map whose truth is there; returns whether there was one."""
        for stamp in self._unscored.stamps():
            truth = self._truths.get(stamp)
            if truth is not None:
                self.confusion.update(_pixels(truth), self._unscored.pop(stamp))
                return True
        return False

    def _on_camera_info(self, message):
        self.frame_size = message.width, message.height
        self.tally.publish(_message_ns(message))

    def _on_labels(self, message):
        arrival = time.time_ns()
        stamp = _message_ns(message)
        self.tally.segment(stamp, arrival)
        labels = picture_from(message).pixels
        self._labels.put(stamp, labels)
        if stamp in self._window:
            self._unscored.put(stamp, labels)

    def _on_overlay(self, raw):
        stamp = _stamp_ns(raw)
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

    def _on_truth(self, raw):
        stamp = _stamp_ns(raw)
        self._truths.put(stamp, raw)
        # A fast model's overlay may be read before its truth.
        if stamp in self._moments:
            self._moments[stamp] = self._moments[stamp]._replace(truth=_pixels(raw))

    def _on_diagnostics(self, message):
        self.diagnostics = segmenter_status(message) or self.diagnostics


class _Recent:
    """The newest few items by stamp."""

    def __init__(self):
        self._items = OrderedDict()

    def put(self, stamp_ns, item):
        """Keep ``item`` and forget the oldest."""
        self._items[stamp_ns] = item
        if len(self._items) > _KEPT:
            self._items.popitem(last=False)

    def get(self, stamp_ns):
        """Return the item with this very stamp, or None."""
        return self._items.get(stamp_ns)

    def pop(self, stamp_ns):
        """Return the item with this stamp and forget it."""
        return self._items.pop(stamp_ns)

    def stamps(self):
        """Return the stamps, oldest first."""
        return list(self._items)


def _message_ns(message):
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def _stamp_ns(raw):
    """Return the stamp at the head of a serialized message that begins with a Header."""
    # CDR: four bytes of which the second tells the byte order, then sec and nanosec.
    sec, nanosec = struct.unpack_from('<iI' if raw[1] & 1 else '>iI', raw, 4)
    return sec * 10**9 + nanosec


def _pixels(raw):
    """Return the picture of a serialized Image."""
    return picture_from(deserialize_message(raw, Image)).pixels
