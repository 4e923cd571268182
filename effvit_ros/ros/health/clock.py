"""Jumps of the node's clock: a bag that starts over, /clock that comes up, a corrected clock."""
from __future__ import annotations

from typing import Callable, Optional, Tuple

from rclpy.clock import JumpThreshold, ROSClock
from rclpy.duration import Duration

from effvit_ros.ros.health.health import CLOCK_STANDS

#: Seconds forward in one step from which on time is said to jump.
FORWARD_S = 2.0
#: Seconds back in one step, likewise: messages of /clock may overtake one another.
BACKWARD_S = 0.1
#: Seconds for which a simulated clock may not advance before it is said to stand still.
STANDING_S = 1.5


class ClockWatch:
    """
    Calls back on every jump of the clock, however it is driven.

    ROS tells of jumps of /clock itself. Of the system's clock, which boards without a battery
    set on their first contact, :meth:`look` finds out by the steady clock.
    """

    def __init__(self, clock: ROSClock, on_jump: Callable[[], None]) -> None:
        """
        Watch ``clock``.

        :param on_jump: called without arguments, after the jump, on the executor's thread.
        """
        self._clock = clock
        self._on_jump = on_jump
        self._last: Optional[Tuple[float, float]] = None
        self._moved: Optional[float] = None
        self._handle = clock.create_jump_callback(
            JumpThreshold(min_forward=Duration(seconds=FORWARD_S),
                          min_backward=Duration(seconds=-BACKWARD_S), on_clock_change=True),
            post_callback=lambda jump: on_jump())

    def look(self, steady_s: float) -> str:
        """
        Look for a jump since the last look and return what the clock is, in words.

        :param steady_s: seconds of a clock that never jumps.
        """
        now = self._clock.now().nanoseconds * 1e-9
        last, self._last = self._last, (now, steady_s)
        if self._clock.ros_time_is_active:
            if last is None or now != last[0] or self._moved is None:
                self._moved = steady_s
            return CLOCK_STANDS if steady_s - self._moved > STANDING_S else 'simulated'
        self._moved = None
        if last is not None:
            gained = (now - last[0]) - (steady_s - last[1])
            if abs(gained) > FORWARD_S:
                self._on_jump()
        return 'system'

    def close(self) -> None:
        """Stop watching."""
        self._handle.unregister()
