"""Sources around another source: another size, or frames that were read beforehand."""
from __future__ import annotations

from typing import List, Optional

import cv2

from effvit_ros.core.errors import UserError
from effvit_ros.core.resize import nearest
from effvit_ros.ros.camera.sources.base import FrameSource, SourceFrame


class Resized(FrameSource):
    """Every frame of ``source`` stretched to one size; labels by nearest neighbour."""

    def __init__(self, source: FrameSource, width: int, height: int) -> None:
        """Give frames of ``width`` x ``height`` pixels."""
        self._source = source
        self._size = width, height
        self.description = f'{source.description}, as {width}x{height}'
        self.rate_hz, self.live = source.rate_hz, source.live
        self.has_truth = source.has_truth

    def read(self) -> Optional[SourceFrame]:
        """Return the next frame in the new size."""
        frame = self._source.read()
        if frame is None or frame.image.shape[1::-1] == self._size:
            return frame
        width, height = self._size
        shrinks = frame.image.shape[0] > height and frame.image.shape[1] > width
        image = cv2.resize(frame.image, self._size,
                           interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        labels = frame.labels
        if labels is not None:
            labels = nearest(labels, self._size)
        return frame._replace(image=image, labels=labels)

    def close(self) -> None:
        """Close the source."""
        self._source.close()


class Prerecorded(FrameSource):
    """The first frames of ``source``, held in memory, so that reading one costs nothing."""

    def __init__(self, source: FrameSource, count: int, loop: bool) -> None:
        """
        Read up to ``count`` frames now; ``loop`` repeats them without end.

        :raises UserError: for a live source, whose frames would be old.
        """
        if source.live:
            raise UserError('prerecord is for files and the flight: a device is always live')
        self.description = f'{source.description}, {count} frames read beforehand'
        self.rate_hz, self.has_truth = source.rate_hz, source.has_truth
        self.focal_px = source.focal_px
        self._loop = loop
        self._frames: List[SourceFrame] = []
        self._next = 0
        while len(self._frames) < count:
            frame = source.read()
            if frame is None:
                break
            self._frames.append(frame)
        source.close()

    def read(self) -> Optional[SourceFrame]:
        """Return the next of the frames in memory."""
        if self._next == len(self._frames):
            if not self._loop:
                return None
            self._next = 0
        self._next += 1
        return self._frames[self._next - 1]
