"""Labels that wait for what comes after them: the pose at their stamp, and their confidence."""
from __future__ import annotations

from collections import deque, OrderedDict
from typing import Any, NamedTuple

from effvit_ros.mapping.track import PoseProblem

#: Label images that wait, and confidences that are kept for labels that come later.
MOST_WAITING = 32
#: What may still come right by waiting.
LATE_KINDS = ('no_pose', 'no_height', 'no_camera_info')
#: Seconds after the last confidence for which labels wait for theirs.
CONFIDENCE_S = 5.0


class Ready(NamedTuple):
    """Labels with their pose; ``confidence``: a message, or None."""

    labels: Any
    confidence: Any
    stamp_ns: int
    pose: Any


class WaitingLabels:
    """A short line of labels, from which the newest that has all it needs is taken."""

    def __init__(self):
        """Start empty."""
        self._labels = deque()
        self._confidences = OrderedDict()
        self._newest_ns, self._confidence_at = 0, None

    def add(self, message, stamp_ns, now):
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

    def add_confidence(self, message, stamp_ns, now):
        """Take in the confidence of the labels of this stamp."""
        self._confidence_at = now
        self._confidences[stamp_ns] = message
        while len(self._confidences) > MOST_WAITING:
            self._confidences.popitem(last=False)

    def clear(self):
        """Forget all that waits."""
        self._labels.clear()
        self._confidences.clear()
        self._newest_ns = 0

    def take(self, pose_at, wait_s, now):
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

    def _confidence_comes(self, now):
        return self._confidence_at is not None and now - self._confidence_at < CONFIDENCE_S

    def _forget(self, count):
        for _ in range(count):
            self._labels.popleft()
