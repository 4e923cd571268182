"""When inference is stuck, what to try, and when to give up."""
from __future__ import annotations

#: How often in a row inference may get stuck, and how many stuck threads may be left behind at
#: a time, each with its model's memory, before only a new process helps.
MAX_STUCK = 3
#: Seconds that building the runtime anew may take; its engine, if it has one, is built already.
REBUILD_TIMEOUT_S = 60.0


class InferenceLost(Exception):
    """Inference does not come back in this process: says why."""


class Watchdog:
    """Watches an :class:`~effvit_ros.ros.segmenter.inference_host.InferenceHost`."""

    def __init__(self, host):
        """Watch ``host`` from now on."""
        self._host = host
        self._in_a_row = 0
        #: How often the runtime was built anew.
        self.rebuilds = 0
        #: Whether it is being built anew now.
        self.rebuilding = False

    def look(self, timeout, make_processor):
        """
        Look for a stuck frame; leave it behind and begin to build the runtime anew.

        :param timeout: seconds that one frame may take; 0 looks only after a rebuild under way.
        :param make_processor: makes the processor that replaces the stuck one.
        :returns: what was found, a sentence; None while nothing is wrong or all is being done.
        :raises InferenceLost: it was stuck too often, or could not be built anew.
        """
        if self.rebuilding:
            self._look_at_rebuild()
            return None
        stuck = self._host.stuck_for()
        if not timeout or stuck <= timeout:
            return None
        self._in_a_row = 1 if self._host.completed else self._in_a_row + 1
        present = self._host.leave_behind(timeout)
        found = f'inference is stuck in one frame for {stuck:.1f} s (watchdog_timeout {timeout:g})'
        if max(self._in_a_row, self._host.left_behind) >= MAX_STUCK:
            raise InferenceLost(f'{found}, {MAX_STUCK} times now: giving up')
        if not present:  # the last frame of a worker whose successor goes to work now
            return f'{found}: left behind'
        self._host.rebuild(make_processor)
        self.rebuilding = True
        self.rebuilds += 1
        return f'{found}: building the runtime anew'

    def _look_at_rebuild(self):
        if not self._host.made:
            if self._host.making_for() > REBUILD_TIMEOUT_S:
                raise InferenceLost('inference was stuck and its runtime is not built anew after '
                                    f'{REBUILD_TIMEOUT_S:g} s: giving up')
            return
        self.rebuilding = False
        failure = self._host.failure
        if failure is not None:
            raise InferenceLost(
                f'inference was stuck and its runtime cannot be built anew: {failure}')
