"""kill -9, and a parent that starts the node again."""
from __future__ import annotations

import contextlib
import os
import re
import signal
from pathlib import Path

import pytest
from watched_node import NODE, OK, PATIENCE_S

from effvit_ros.ros.common.dds import dds_environment

KILLS = 3


def children(node):
    """Return the pids of the segmenters that the parent has started."""
    return [int(pid) for pid in re.findall(r'^child (\d+)$', node.process.log, re.MULTILINE)]


def segments(pid):
    """Return the paths of the shared memory segments that this process owns, aged."""
    own = set()
    for link in Path(f'/proc/{pid}/fd').iterdir():  # their owner keeps their locks open
        with contextlib.suppress(OSError):
            lock = re.fullmatch(r'(/dev/shm/fastdds_[0-9a-f]{16})_el', os.readlink(link))
            if lock and os.stat(lock.group(1)).st_size > 64 << 20:
                os.utime(lock.group(), (1, 1))  # young ones are left alone
                own.add(Path(lock.group(1)))
    return own


@pytest.mark.slow
def test_a_killed_node_is_back_at_work_by_itself(watch):
    node = watch(module='respawning_parent', environment=dds_environment())
    node.ready()
    for kill in range(1, KILLS + 1):
        left = segments(children(node)[-1])
        os.kill(children(node)[-1], signal.SIGKILL)
        node.probe.until(lambda: len(children(node)) == kill + 1, PATIENCE_S, 'a new process')
        node.probe.until(lambda: node.process.log.count('segmenting /image') == kill + 1,
                         PATIENCE_S, 'the new process at work')
        node.recover()
        node.answers()
        assert left and [path for path in left if path.exists()] == []
        # No longer than that did anybody have to wait for the operator's view.
        status, values = node.until_level(OK)
        assert values['state'] == 'active' and node.probe.state(NODE) == 'active'
