"""The overlays: when one is due, and at which size it is drawn."""
from __future__ import annotations

import cv2
import numpy as np
from std_msgs.msg import Header

from effvit_ros.core.bundle import Bundle
from effvit_ros.core.overlay import Overlay
from effvit_ros.core.pixels import Picture
from effvit_ros.ros.common.parameters import Parameters
from effvit_ros.ros.segmenter.outputs import Outputs, Wanted
from effvit_ros.ros.segmenter.rate_limit import RateLimit


class OverlayOutput:
    """Draws and publishes ``~/overlay`` and its JPEG, no more often and no wider than wanted."""

    def __init__(self, bundle: Bundle, outputs: Outputs, settings: Parameters) -> None:
        """
        Prepare the buffers for the classes of ``bundle``.

        :param settings: mapping with the parameters that can change at any time.
        """
        # One each, as their buffers have their picture's size.
        self._full, self._narrow = (Overlay(bundle.names, bundle.palette) for _ in range(2))
        self._outputs = outputs
        self._settings = settings
        self._limit = RateLimit()

    def due(self, wanted: Wanted, now: float) -> Wanted:
        """
        Return ``wanted`` without the overlays where ``overlay_max_rate`` forbids one now.

        :param wanted: :class:`~effvit_ros.ros.segmenter.outputs.Wanted`.
        :param now: seconds of a clock that never jumps back.
        """
        if not (wanted.overlay or wanted.jpeg):
            return wanted
        if self._limit.admits(now, self._settings['overlay_max_rate']):
            return wanted
        return wanted._replace(overlay=False, jpeg=False)

    def publish(self, picture: Picture, labels: np.ndarray, wanted: Wanted,
                header: Header) -> None:
        """
        Draw and publish those overlays that are wanted.

        :param picture: :class:`~effvit_ros.core.pixels.Picture`.
        :param labels: (H, W) uint8, of the picture's size.
        """
        bgr = picture.bgr()
        height, width = bgr.shape[:2]
        limit = self._settings['jpeg_max_width']
        narrow = wanted.jpeg and 0 < limit < width
        if wanted.overlay or not narrow:
            drawn = self._draw(self._full, bgr, labels)
        if wanted.overlay:
            self._outputs.publish_overlay(drawn, header)
        if narrow:
            # Drawn at its own size, so that the legend stays readable.
            size = limit, max(1, round(height * limit / width))
            small = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
            drawn = self._draw(self._narrow, small, labels)
        if wanted.jpeg:
            self._outputs.publish_jpeg(drawn, self._settings['jpeg_quality'], header)

    def _draw(self, overlay: Overlay, bgr: np.ndarray, labels: np.ndarray) -> np.ndarray:
        overlay.alpha = self._settings['overlay_alpha']
        return overlay.draw(bgr, labels, self._settings['overlay_legend'])
