"""How a reader is tried: fixed seeds, and what it may do with a damaged file."""
from __future__ import annotations

import resource
import time

from hypothesis import HealthCheck, settings

from effvit_ros.core.errors import UserError

#: Seconds of CPU time that one damaged file may take; bytes that may be taken for it.
PATIENCE_S, ROOM = 20.0, 1 << 30


def fuzz(examples):
    """Return the settings: the same inputs in every run."""
    return settings(max_examples=examples, derandomize=True, database=None, deadline=None,
                    suppress_health_check=list(HealthCheck))


def answers(read, *arguments, refusals=(UserError,)):
    """Call a reader; True where it answered, False where it refused with one line."""
    before, start = _peak(), time.process_time()
    try:
        read(*arguments)
        answered = True
    except refusals as error:
        assert str(error) and '\n' not in str(error), repr(str(error))
        answered = False
    assert time.process_time() - start < PATIENCE_S
    assert _peak() - before < ROOM
    return answered


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
