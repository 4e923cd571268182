"""The segmenter's results as a bag: label maps, overlays and what the ids mean."""
from __future__ import annotations

from pathlib import Path
from typing import Optional, Type

import numpy as np

from effvit_ros.bags.frames import RecordedFrame
from effvit_ros.bags.pictures import COMPRESSED, IMAGE
from effvit_ros.bags.writer import BagWriter, encode, STRING
from effvit_ros.core import topics
from effvit_ros.core.bundle import Bundle
from effvit_ros.core.overlay import Overlay

#: The topics are those of the node.
LABELS = '/' + topics.of_segmenter(topics.LABELS)
OVERLAY = '/' + topics.of_segmenter(topics.OVERLAY_JPEG)
LABEL_INFO = '/' + topics.of_segmenter(topics.LABEL_INFO)
_OVERLAY_QUALITY = 85


class ResultBag:
    """
    Writes an mcap next to a report; a context manager, whole or not at all.

    Messages bear the headers of their pictures and lie at the time of their recording, so that
    the bag plays along with the original.
    """

    def __init__(self, path: Path, bundle: Bundle) -> None:
        """Create the bag."""
        self._bundle = bundle
        self._writer = BagWriter(path)
        self._writer.add_topic(LABELS, IMAGE)
        self._writer.add_topic(OVERLAY, COMPRESSED)
        self._writer.add_topic(LABEL_INFO, STRING, latched=True)
        self._overlay = Overlay(bundle.names, bundle.palette)
        self._introduced = False

    def write(self, frame: RecordedFrame, labels: np.ndarray) -> None:
        """Write the results of one frame; ``labels`` is (H, W) uint8."""
        if not self._introduced:
            self._writer.write_text(LABEL_INFO, frame.log_ns, self._bundle.legend)
            self._introduced = True
        self._writer.write_image(LABELS, frame.stamp_ns, labels, 'mono8',
                                 frame.frame_id, frame.log_ns)
        drawn = self._overlay.draw(frame.picture.bgr(), labels)
        self._writer.write_compressed(
            OVERLAY, frame.stamp_ns, encode(drawn, 'jpeg', _OVERLAY_QUALITY), 'jpeg',
            frame.frame_id, frame.log_ns)

    def __enter__(self) -> ResultBag:
        """Return itself."""
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], *exception: object) -> None:
        """Finish the bag, or remove it after an exception."""
        self._writer.__exit__(kind, *exception)
