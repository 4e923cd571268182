"""
Callback groups that spare rclpy's single-threaded executor.

Each time it wakes, it takes about a millisecond of CPU time: it asks everything that it waits for
whether it is wanted, in Python. So what can wait, or can be asked, is not always among that. The
events executor, which wakes for what has come alone, has no need of them and knows no groups.
"""
from __future__ import annotations

import time
from typing import Any

from rclpy.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup

#: Seconds between two looks, and how long one lasts.
_PERIOD_S, _LOOK_S = 1.0, 0.05


class Asked(CallbackGroup):
    """Subscriptions that never wake that executor: they are asked for their newest message."""

    def can_execute(self, entity: Any) -> bool:
        """Return False."""
        return False

    def beginning_execution(self, entity: Any) -> bool:
        """Return False."""
        return False

    def ending_execution(self, entity: Any) -> None:
        """Do nothing."""


class Seldom(MutuallyExclusiveCallbackGroup):
    """Publishers whose events, as a subscriber that does not fit, may be told a second late."""

    def __init__(self) -> None:
        """Begin with a look."""
        super().__init__()
        self._looked = -_PERIOD_S

    def can_execute(self, entity: Any) -> bool:
        """Return whether it is time for a look; what happens until the next one is kept."""
        now = time.monotonic()
        if now - self._looked > _PERIOD_S:
            self._looked = now
        return now - self._looked < _LOOK_S and super().can_execute(entity)
