"""The frames worth a look: the worst and typical ones, chosen while a bag of any length passes."""
from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence, TYPE_CHECKING

import cv2
import numpy as np

from effvit_ros.core.overlay import Overlay
from effvit_ros.core.resize import nearest
from effvit_ros.report.contact_sheet import classes_in, contact_sheet, errors_picture, Row

if TYPE_CHECKING:
    from effvit_ros.bags.frames import RecordedFrame

#: Stretches of the bag that are told apart; neighbours are merged when there are more.
_STRETCHES = 32
#: Width of a kept picture in pixels.
THUMBNAIL_WIDTH = 320


@dataclass(frozen=True)
class KeptFrame:
    """
    One kept frame, scaled down: BGR picture, label map, truth or None (all uint8).

    ``badness`` is that of the frame's score; ``scored`` tells whether it had truth.
    """

    index: int
    stamp_ns: int
    badness: float
    scored: bool
    picture: np.ndarray
    labels: np.ndarray
    truth: Optional[np.ndarray]


class Highlights:
    """
    Keeps the worst and the first frame of each of up to 32 equal stretches of a bag.

    So memory is bounded, and the worst frames are not neighbours of one another.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._worst: List[KeptFrame] = []
        self._first: List[KeptFrame] = []
        self._span = 1
        self._count = 0
        #: Stamp of the first frame that was offered, 0 before.
        self.start_ns = 0

    def offer(self, frame: RecordedFrame, labels: np.ndarray, truth: Optional[np.ndarray],
              badness: float) -> None:
        """Look at a frame; it is copied where it is kept."""
        if not self._count:
            self.start_ns = frame.stamp_ns
        stretch = self._count // self._span
        self._count += 1
        if stretch == _STRETCHES:
            self._merge()
            stretch = _STRETCHES // 2
        fresh = stretch == len(self._worst)
        rank = truth is not None, badness
        if fresh or rank > (self._worst[stretch].scored, self._worst[stretch].badness):
            kept = _shrink(frame, labels, truth, badness)
            if fresh:
                self._worst.append(kept)
                self._first.append(kept)
            else:
                self._worst[stretch] = kept

    def worst(self, count: int) -> List[KeptFrame]:
        """Return up to ``count`` frames, the worst first; scored ones where there are any."""
        scored = [m for m in self._worst if m.scored] or self._worst
        return sorted(scored, key=lambda m: (-m.badness, m.index))[:count]

    def typical(self, count: int) -> List[KeptFrame]:
        """Return up to ``count`` frames nearest to the median, in the order of the bag."""
        sample = [m for m in self._first if m.scored] or self._first
        if not sample:
            return []
        median = float(np.median([m.badness for m in sample]))
        closest = sorted(sample, key=lambda m: (abs(m.badness - median), m.index))[:count]
        return sorted(closest, key=lambda m: m.index)

    def sheet(self, names: Sequence[str], palette: np.ndarray) -> Optional[np.ndarray]:
        """
        Return the contact sheet of the worst and the typical frames; None without any.

        :param names: class names in id order.
        :param palette: (classes, 3) uint8 RGB.
        :returns: (H, W, 3) uint8 BGR.
        """
        groups = ('worst', self.worst(6)), ('typical', self.typical(4))
        chosen = [frame for _, frames in groups for frame in frames]
        if not chosen:
            return None
        overlay = Overlay(names, palette, alpha=0.6)
        rows = [self._row(f'{title} {place}', frame, overlay)
                for title, frames in groups for place, frame in enumerate(frames, 1)]
        ids = classes_in([f.labels for f in chosen] + [f.truth for f in chosen])
        # Class 0 is background, which the overlay leaves as it is.
        return contact_sheet(rows, names, palette, [i for i in ids if i])

    def _row(self, title: str, frame: KeptFrame, overlay: Overlay) -> Row:
        seconds = (frame.stamp_ns - self.start_ns) * 1e-9
        what = f'Dice {1 - frame.badness:.3f}' if frame.scored else (
            f'{frame.badness:.1%} of pixels flipped')

        def drawn(labels: np.ndarray) -> np.ndarray:
            return overlay.draw(frame.picture, labels, legend=False).copy()
        pictures = [('picture', frame.picture), ('labels', drawn(frame.labels))]
        if frame.truth is not None:
            pictures += [('truth', drawn(frame.truth)),
                         ('errors (ignored: dark)',
                          errors_picture(frame.picture, frame.labels, frame.truth))]
        return Row(f'{title}: frame {frame.index} at {seconds:.2f} s, {what}', pictures)

    def _merge(self) -> None:
        self._span *= 2
        pairs = list(zip(self._worst[::2], self._worst[1::2]))
        self._worst = [max(pair, key=lambda m: (m.scored, m.badness)) for pair in pairs]
        self._first = self._first[::2]


def _shrink(frame: RecordedFrame, labels: np.ndarray, truth: Optional[np.ndarray],
            badness: float) -> KeptFrame:
    height, width = labels.shape
    scale = min(1.0, THUMBNAIL_WIDTH / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = cv2.resize(frame.picture.bgr(), size, interpolation=cv2.INTER_AREA)
    return KeptFrame(frame.index, frame.stamp_ns, badness, truth is not None, picture,
                     nearest(labels, size), None if truth is None else nearest(truth, size))
