"""kill -9, and a parent that starts the node again."""
from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from watched_node import NODE, OK, PATIENCE_S

from effvit_ros.ros.common.dds import dds_environment, NEW_NAME, OLD_NAME

KILLS = 3


def children(node):
    """Return the pids of the segmenters that the parent has started."""
    return [int(pid) for pid in re.findall(r'^child (\d+)$', node.process.log, re.MULTILINE)]


def segments(pid):
    """Return the paths of the shared memory segments that only this process owns, aged."""
    maps = Path(f'/proc/{pid}/maps').read_text()
    paths = {Path(name) for name in re.findall(r'/dev/shm/fastdds_[0-9a-f]{16}\b', maps)}
    own = {path for path in paths if path.exists() and path.stat().st_size > 64 << 20}
    for path in own:
        os.utime(f'{path}_el', (1, 1))  # young ones are left alone
    return own


@pytest.mark.slow
def test_a_killed_node_is_back_at_work_by_itself(watch, monkeypatch):
    # This process has no such segments, so that what the node maps is its own.
    for name in (NEW_NAME, OLD_NAME):
        monkeypatch.delenv(name, raising=False)
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
