"""Labels that wait for what comes after them: the pose at their stamp, and their confidence."""
from __future__ import annotations

from collections import deque, OrderedDict
from typing import Callable, List, NamedTuple, Optional, Tuple, Union

from sensor_msgs.msg import CompressedImage, Image

from effvit_ros.mapping.pose_settings import CameraPose
from effvit_ros.mapping.track import PoseProblem

#: Label images that wait, and confidences that are kept for labels that come later.
MOST_WAITING = 32
#: What may still come right by waiting.
LATE_KINDS = ('no_pose', 'no_height', 'no_camera_info')
#: Seconds after the last confidence for which labels wait for theirs.
CONFIDENCE_S = 5.0

Labels = Union[Image, CompressedImage]


class Ready(NamedTuple):
    """Labels with their pose; ``confidence``: a message, or None."""

    labels: Labels
    confidence: Optional[Image]
    stamp_ns: int
    pose: CameraPose


class WaitingLabels:
    """A short line of labels, from which the newest that has all it needs is taken."""

    def __init__(self) -> None:
        """Start empty."""
        self._labels: deque[Tuple[Labels, int, float]] = deque()
        self._confidences: OrderedDict[int, Image] = OrderedDict()
        self._newest_ns = 0
        self._confidence_at: Optional[float] = None

    def add(self, message: Labels, stamp_ns: int, now: float) -> Tuple[int, bool]:
        """
        Take in labels.

        :param now: seconds of a clock that never jumps back.
        :returns: (labels dropped for want of room, whether the stamps went back by a second:
            a bag that is played again; what waited is gone then).
        """
        again = stamp_ns < self._newest_ns - 10**9
        if again:
            self.clear()
        self._newest_ns = stamp_ns
        self._labels.append((message, stamp_ns, now))
        dropped = len(self._labels) - MOST_WAITING
        for _ in range(dropped):
            self._labels.popleft()
        return max(0, dropped), again

    def add_confidence(self, message: Image, stamp_ns: int, now: float) -> None:
        """Take in the confidence of the labels of this stamp."""
        self._confidence_at = now
        self._confidences[stamp_ns] = message
        while len(self._confidences) > MOST_WAITING:
            self._confidences.popitem(last=False)

    def clear(self) -> None:
        """Forget all that waits."""
        self._labels.clear()
        self._confidences.clear()
        self._newest_ns = 0

    def take(self, pose_at: Callable[[int], CameraPose], wait_s: float,
             now: float) -> Tuple[Optional[Ready], int, List[PoseProblem]]:
        """
        Take the newest labels that have a pose, and older ones away.

        :param pose_at: returns the pose at a stamp, or raises PoseProblem.
        :param wait_s: seconds that labels wait; for their confidence only while such come.
        :returns: (:class:`Ready` or None, labels dropped for newer ones, [PoseProblem of each
            that waited in vain]).
        """
        for at in range(len(self._labels) - 1, -1, -1):
            message, stamp_ns, since = self._labels[at]
            may_wait = now - since <= wait_s
            try:
                pose = pose_at(stamp_ns)
            except PoseProblem as problem:
                if may_wait and problem.kind in LATE_KINDS:
                    continue
                # Older ones waited longer still.
                self._forget(at + 1)
                return None, 0, [problem] * (at + 1)
            confidence = self._confidences.get(stamp_ns)
            if confidence is None and may_wait and self._confidence_comes(now):
                continue
            self._forget(at + 1)
            self._confidences.pop(stamp_ns, None)
            return Ready(message, confidence, stamp_ns, pose), at, []
        return None, 0, []

    def _confidence_comes(self, now: float) -> bool:
        return self._confidence_at is not None and now - self._confidence_at < CONFIDENCE_S

    def _forget(self, count: int) -> None:
        for _ in range(count):
            self._labels.popleft()
