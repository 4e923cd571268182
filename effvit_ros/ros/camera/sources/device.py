"""A camera on V4L2 (/dev/video*)."""
from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Callable, Optional, Union

import cv2
import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.ros.camera.sources.base import FrameSource, silence_opencv, SourceFrame

#: Seconds without a frame after which the device counts as gone.
PATIENCE_S = 3.0


class DeviceSource(FrameSource):
    """
    The newest frame of a video device.

    A thread reads the device all the time: the driver queues frames, and whoever reads slower
    than the device delivers gets them late.
    """

    live = True

    def __init__(self, path: Union[str, int], width: int = 0, height: int = 0,
                 rate_hz: float = 0.0,
                 open_capture: Optional[Callable[[str], cv2.VideoCapture]] = None) -> None:
        """
        Open the device and ask it for a size and rate (0: its own); it may choose others.

        :param path: ``/dev/videoN`` or the number N.
        :param open_capture: returns what reads the device; OpenCV's V4L2 capture by default.
        :raises UserError: no such device, it is in use, or it delivers nothing.
        """
        self._path = f'/dev/video{path}' if str(path).isdigit() else str(path)
        self._capture = (open_capture or _open_v4l2)(self._path)
        for key, value in ((cv2.CAP_PROP_FRAME_WIDTH, width), (cv2.CAP_PROP_FPS, rate_hz),
                           (cv2.CAP_PROP_FRAME_HEIGHT, height)):
            if value:
                self._capture.set(key, value)
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate_hz = rate if 0 < rate <= 1000 else None
        self._newest: Optional[SourceFrame] = None
        self._ended = False
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._grab_frames, name='device', daemon=True)
        self._thread.start()
        try:
            height, width = self._take(keep=True).image.shape[:2]
        except UserError:
            self.close()
            raise
        self.description = f'device {self._path}, {width}x{height}'

    def read(self) -> SourceFrame:
        """
        Return the newest frame that was not returned before; waits for one.

        :raises UserError: the device delivers no more.
        """
        return self._take(keep=False)

    def close(self) -> None:
        """Stop reading and release the device."""
        self._closing = True
        # A device that hangs keeps the thread; it is a daemon and the process may end.
        self._thread.join(timeout=PATIENCE_S)

    def _take(self, keep: bool) -> SourceFrame:
        with self._changed:
            there = self._changed.wait_for(lambda: self._newest or self._ended, PATIENCE_S)
            frame = self._newest
            if not there or frame is None:
                raise UserError(f'{self._path}: the device delivers no frames: '
                                'is it in use, or was it unplugged?')
            if not keep:
                self._newest = None
            return frame

    def _grab_frames(self) -> None:
        try:
            while not self._closing:
                read, image = self._capture.read()
                captured_s = time.monotonic()
                if not read:
                    break
                with self._changed:
                    self._newest = SourceFrame(
                        np.ascontiguousarray(image), captured_s=captured_s)
                    self._changed.notify()
        finally:
            self._capture.release()
            with self._changed:
                self._ended = True
                self._changed.notify()


def _open_v4l2(path: str) -> cv2.VideoCapture:
    if not Path(path).exists():
        present = ', '.join(sorted(str(p) for p in Path('/dev').glob('video*'))) or 'none'
        raise UserError(f'{path}: no such video device (present: {present})')
    silence_opencv()
    capture = cv2.VideoCapture(path, cv2.CAP_V4L2)
    if not capture.isOpened():
        raise UserError(f'{path}: cannot be opened as a video device: '
                        'is it in use, and may you read it (group video)?')
    return capture
