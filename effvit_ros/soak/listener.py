"""The subscriber: times label maps, counts frames, reads /diagnostics."""
from __future__ import annotations

import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Float32MultiArray

from effvit_ros.bags.stamps import stamp_ns
from effvit_ros.core import topics
from effvit_ros.ros.health.health import segmenter_status


class Listener(Node):
    """
    Subscribes to what a drone's operator would: labels, the overlay's JPEG and class areas.

    Messages stay serialized, so that listening takes little from the nodes under test.
    """

    def __init__(self, record):
        """Write what comes into ``record``, once :meth:`begin` was called."""
        super().__init__('soak')
        self._record = record
        self._began = None
        #: Label maps that came, from the start on.
        self.label_maps = 0
        waiting = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
        self.create_subscription(Image, topics.of_segmenter(topics.LABELS), self._on_labels,
                                 waiting, raw=True)
        self.create_subscription(CameraInfo, 'camera_info', self._on_camera, waiting, raw=True)
        for kind, topic in ((CompressedImage, topics.of_segmenter(topics.OVERLAY_JPEG)),
                            (Float32MultiArray, topics.of_segmenter(topics.CLASS_AREAS))):
            self.create_subscription(kind, topic, lambda _: None, waiting, raw=True)
        self.create_subscription(DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics, 10)

    def begin(self, monotonic_s):
        """Record from now on; ``monotonic_s`` is second 0."""
        self._began = monotonic_s

    def _on_labels(self, raw):
        self.label_maps += 1
        if self._began is not None:
            age_ms = (time.time_ns() - stamp_ns(raw)) * 1e-6
            self._record.ages.append((time.monotonic() - self._began, age_ms))

    def _on_camera(self, _raw):
        if self._began is not None:
            self._record.frames_published += 1

    def _on_diagnostics(self, message):
        self._record.diagnostics = segmenter_status(message) or self._record.diagnostics
        if self._began is None:
            return
        for status in message.status:
            if status.level == DiagnosticStatus.WARN:
                self._record.warnings += 1
            elif status.level in (DiagnosticStatus.ERROR, DiagnosticStatus.STALE):
                self._record.note_error('diagnostics', f'{status.name}: {status.message}')
