"""A video file as a source."""
from __future__ import annotations

from pathlib import Path
from typing import Optional, Union

import cv2
import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.ros.camera.sources.base import FrameSource, silence_opencv, SourceFrame


class VideoSource(FrameSource):
    """The frames of a video file that OpenCV (FFmpeg) reads."""

    def __init__(self, path: Union[str, Path], loop: bool = True) -> None:
        """
        Open the file and look at its first frame.

        :raises UserError: no such file, or no video that can be read.
        """
        self._path = Path(path).expanduser()
        if not self._path.is_file():
            raise UserError(f'{path}: no such video file')
        self._loop = loop
        self._capture = self._open()
        self._first = self._grab()
        if self._first is None:
            raise UserError(f'{path}: not a video that OpenCV can read')
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate_hz = rate if 0 < rate <= 1000 else None
        height, width = self._first.shape[:2]
        self.description = f'video {self._path}, {width}x{height}'

    def read(self) -> Optional[SourceFrame]:
        """Return the next frame."""
        image, self._first = self._first, None
        if image is None:
            image = self._grab()
        if image is None and self._loop:
            self._capture.release()
            self._capture = self._open()
            image = self._grab()
            if image is None:
                raise UserError(f'{self._path}: the video can no longer be read')
        return None if image is None else SourceFrame(image)

    def close(self) -> None:
        """Close the file."""
        self._capture.release()

    def _open(self) -> cv2.VideoCapture:
        silence_opencv()
        return cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)

    def _grab(self) -> Optional[np.ndarray]:
        read, image = self._capture.read()
        return image if read else None
