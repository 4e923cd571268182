"""What every source of frames offers."""
from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import NamedTuple, Optional

import cv2
import numpy as np


class SourceFrame(NamedTuple):
    """
    One picture, with its truth where the source knows it.

    ``image``: (H, W, 3) uint8, BGR, contiguous. ``labels``: (H, W) uint8 class ids, or None.
    ``captured_s``: ``time.monotonic()`` of the capture, None for pictures of no time.
    """

    image: np.ndarray
    labels: Optional[np.ndarray] = None
    captured_s: Optional[float] = None


class FrameSource(ABC):
    """Frames one after the other; used from one thread."""

    #: One readable line: kind, place, size.
    description = ''
    #: Frames a second that are natural to the source; None where any rate is.
    rate_hz: Optional[float] = None
    #: Whether :meth:`read` waits for a camera: its frames must not be fetched ahead of time.
    live = False
    #: Whether frames may come with labels.
    has_truth = False
    #: Focal length in pixels of the pictures, None where it is unknown.
    focal_px: Optional[float] = None

    @abstractmethod
    def read(self) -> Optional[SourceFrame]:
        """
        Return the next frame, or None at the end of a source that does not loop.

        :raises UserError: the source fails for good.
        """

    def close(self) -> None:
        """Release files and devices; a second call does nothing."""


def silence_opencv() -> None:
    """Keep OpenCV from printing lines of its own about what can't be opened: ours say it."""
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    if hasattr(cv2, 'setLogLevel'):  # OpenCV 4.5.4, Ubuntu 22.04's, has it in this place alone
        cv2.setLogLevel(0)
    elif hasattr(cv2, 'utils'):  # 4.2, Ubuntu 20.04's, has neither
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
