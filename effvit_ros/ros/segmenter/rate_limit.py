"""Thin out a stream to a highest rate."""
from __future__ import annotations


class RateLimit:
    """Admits frames so that their mean rate stays at the limit even where arrivals jitter."""

    def __init__(self) -> None:
        """Start so that the first frame is admitted."""
        self._due = float('-inf')
        self._rate = 0.0

    def admits(self, now: float, rate: float) -> bool:
        """
        Return whether the frame that came at ``now`` may pass.

        :param now: seconds of a clock that never jumps back.
        :param rate: frames a second; 0 admits all. A change counts from the last frame that
            was admitted.
        """
        if rate != self._rate:
            if rate > 0 and self._rate > 0:
                self._due += 1 / rate - 1 / self._rate
            self._rate = rate
        if rate <= 0:
            return True
        if now < self._due:
            return False
        # At most one period is caught up, so that a pause is not followed by a burst.
        self._due = max(self._due, now - 1 / rate) + 1 / rate
        return True
