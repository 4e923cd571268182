"""What happens to one frame: decode, segment, publish what is wanted."""
from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from typing import Any, Callable, Optional, Sequence, Tuple

import numpy as np
from rclpy.node import Node
from std_msgs.msg import Header

from effvit_ros.core.bundle import Bundle, load_bundle, resolve_model
from effvit_ros.core.engine_policy import EnginePolicy
from effvit_ros.core.errors import UserError
from effvit_ros.core.pixels import Picture
from effvit_ros.core.runtime import Runtime
from effvit_ros.core.segmenter import Answer, NO_SCORES, Segmentation, Segmenter
from effvit_ros.ros.common.parameters import Parameters
from effvit_ros.ros.health.health import Health
from effvit_ros.ros.health.level import WARN
from effvit_ros.ros.segmenter.outputs import class_areas, Outputs, Wanted
from effvit_ros.ros.segmenter.overlay_output import OverlayOutput
from effvit_ros.ros.segmenter.picture_checks import PictureChecks
from effvit_ros.ros.segmenter.view_watch import ViewWatch


@dataclass(frozen=True)
class Frame:
    """An image message, the time it came (seconds of the monotonic clock), its camera_info."""

    message: Any
    arrived: float
    camera_info: Any


def check_classes(bundle: Bundle, settings: Parameters) -> None:
    """
    Refuse a bundle for low power under whose ids others are meant than under those of ``model``.

    :raises UserError: they differ.
    """
    if not (settings['low_power'] and settings['low_power_model']):
        return
    usual = load_bundle(resolve_model(settings['model']))
    if usual.names != bundle.names:
        raise UserError(
            f"low_power_model '{settings['low_power_model']}' tells other classes apart than "
            f"{usual.name}: give a bundle of the same classes, or '' to keep the model")


class FramePipeline:
    """The processor of a worker's two threads: owns the segmenter and the overlay's buffers."""

    def __init__(self, model: str, runtime: str, threads: int, policy: EnginePolicy,
                 outputs: Outputs, settings: Parameters, health: Health, node: Node) -> None:
        """
        Load the model.

        :param policy: :class:`~effvit_ros.core.engine_policy.EnginePolicy`.
        :param settings: mapping with the parameters that can change at any time.
        :param node: for its clock and its log.
        :raises UserError: the bundle or the runtime can't be used.
        """
        self.bundle = load_bundle(resolve_model(model), settings['model_sha256'])
        check_classes(self.bundle, settings)
        outputs.alerts.check(self.bundle.names)
        self._segmenter = Segmenter(self.bundle, runtime, threads, policy)
        self._overlay = OverlayOutput(self.bundle, outputs, settings)
        self._outputs = outputs
        self._settings = settings
        self._health = health
        self._clock = node.get_clock()
        self._checks = PictureChecks(settings, health, node.get_logger())
        self._view = ViewWatch(self.bundle, settings, health)

    @property
    def runtime(self) -> Runtime:
        """Return the runtime in use: its ``name`` and ``description``."""
        return self._segmenter.runtime

    @property
    def passed_over(self) -> Sequence[str]:
        """Return why ``auto`` did not take a faster runtime, one line each."""
        return self._segmenter.passed_over

    def close(self) -> None:
        """Release the model."""
        self._view.forget()
        self._segmenter.close()

    def process(self, frame: Frame) -> Callable[[], None]:
        """
        Run the network on a frame and return a function that publishes the results.

        That may run on another thread, while the next frame is processed. Only results that
        somebody subscribes to are computed.

        :raises PictureError: the frame can't be read.
        """
        asked = self._outputs.wanted()
        wanted = self._overlay.due(asked, frame.arrived)
        if not any(wanted):
            return functools.partial(self._skip, frame, asked)
        picture = self._checks.read(frame.message)
        answer = self._segmenter.ask(picture.pixels, picture.order)
        return functools.partial(self._publish, frame, picture, answer, wanted)

    def _skip(self, frame: Frame, asked: Wanted) -> None:
        """Say what is said without the network: a view may ask for it before any labels."""
        if not (asked.areas or asked.alerts):
            self._outputs.alerts.reset()
        self._outputs.publish_camera_info(frame.camera_info, frame.message.header)
        self._health.frame_skipped('over_rate' if any(asked) else 'unwatched', wanted=False)

    def _publish(self, frame: Frame, picture: Picture, answer: Answer, wanted: Wanted) -> None:
        """Make labels of the network's answer, draw, and publish what is wanted."""
        if not (wanted.areas or wanted.alerts):
            self._outputs.alerts.reset()
        header = frame.message.header
        segmentation = self._segmenter.label(answer)
        labels, confidence = self._doubted(segmentation, wanted)
        if wanted.labels:
            self._outputs.publish_labels(labels, header)
        if wanted.png:
            self._outputs.publish_png(labels, header)
        if wanted.confidence and confidence is not None:
            self._outputs.publish_confidence(confidence, header)
        if self._checks.fits(frame.camera_info, picture):
            self._outputs.publish_camera_info(frame.camera_info, header)
        if wanted.regions:
            self._outputs.publish_regions(labels, confidence, self.bundle.names,
                                          self._settings['region_min_pixels'], header)
        if wanted.areas or wanted.alerts:
            self._publish_areas(labels, wanted, header)
        if wanted.overlay or wanted.jpeg:
            self._overlay.publish(picture, labels, wanted, header)
        self._view.watch(segmentation, frame.arrived)
        self._note(frame, header, segmentation.timings.infer_ms)

    def _doubted(self, segmentation: Segmentation,
                 wanted: Wanted) -> Tuple[np.ndarray, Optional[np.ndarray]]:
        """
        Return the labels, unlabelled where ``min_confidence`` is not reached, and the confidence.

        :param wanted: what is published; the confidence is None where it was not needed, or where
            regions alone would have it and the bundle has no scores.
        """
        least = self._settings['min_confidence']
        if not (least or wanted.confidence
                or wanted.regions and segmentation.scores is not None):
            self._health.clear_finding('confidence')
            return segmentation.labels, None
        if segmentation.scores is None:
            self._health.set_finding('confidence', WARN, NO_SCORES)
            return segmentation.labels, None
        confidence = segmentation.confidence()
        labels = segmentation.labels
        if least:
            np.copyto(labels, np.uint8(self.bundle.ignore), where=confidence < 255 * least)
        return labels, confidence

    def _publish_areas(self, labels: np.ndarray, wanted: Wanted, header: Header) -> None:
        areas, names = class_areas(labels, len(self.bundle.classes)), self.bundle.names
        if wanted.areas:
            self._outputs.publish_areas(areas, names, header)
        self._outputs.alerts.update(areas.tolist(), names, header)

    def _note(self, frame: Frame, header: Header, infer_ms: float) -> None:
        now = self._clock.now().nanoseconds * 1e-9
        stamp = header.stamp.sec + header.stamp.nanosec * 1e-9
        self._health.frame_segmented(
            now, latency_s=time.monotonic() - frame.arrived,
            inference_s=infer_ms * 1e-3, age_s=now - stamp if stamp else None)
