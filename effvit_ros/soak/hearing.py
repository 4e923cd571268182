"""What a soak hears: the ages of label maps, frames, levels on /diagnostics."""
from __future__ import annotations

import time
from typing import Optional, Sequence, TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import CameraInfo, CompressedImage
from std_msgs.msg import Float32MultiArray

from effvit_ros.core import topics
from effvit_ros.core.message_stamps import stamp_ns
from effvit_ros.harness.listener import Listener
from effvit_ros.ros.health.health import segmenter_status

if TYPE_CHECKING:
    from effvit_ros.harness.processes import NodeProcess
    from effvit_ros.soak.record import Record


class Hearing:
    """Subscribes to what a drone's operator would: labels, the overlay's JPEG, class areas."""

    def __init__(self, record: Record, nodes: Sequence[NodeProcess]) -> None:
        """Write what comes into ``record``, once :meth:`begin` was called."""
        self._record = record
        self._began: Optional[float] = None
        self.listener = Listener('soak', nodes, self._on_labels)
        hear = self.listener.subscribe
        hear(CameraInfo, 'camera_info', self._on_camera)
        hear(CompressedImage, topics.of_segmenter(topics.OVERLAY_JPEG), lambda _: None)
        hear(Float32MultiArray, topics.of_segmenter(topics.CLASS_AREAS), lambda _: None)
        hear(DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics, raw=False)

    def begin(self, monotonic_s: float) -> None:
        """Record from now on; ``monotonic_s`` is second 0."""
        self._began = monotonic_s

    def _on_labels(self, raw: bytes) -> None:
        if self._began is not None:
            age_ms = (time.time_ns() - stamp_ns(raw)) * 1e-6
            self._record.ages.append((time.monotonic() - self._began, age_ms))

    def _on_camera(self, _raw: bytes) -> None:
        if self._began is not None:
            self._record.frames_published += 1

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self._record.diagnostics = segmenter_status(message) or self._record.diagnostics
        if self._began is None:
            return
        for status in message.status:
            if status.level == DiagnosticStatus.WARN:
                self._record.warnings += 1
            elif status.level in (DiagnosticStatus.ERROR, DiagnosticStatus.STALE):
                self._record.note_error('diagnostics', f'{status.name}: {status.message}')
