"""No process is left behind, whatever happens."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from effvit_ros.harness.processes import free_domain_id, NodeFailed, NodeProcess, running

pytestmark = pytest.mark.skipif(not sys.platform.startswith('linux'), reason='looks into /proc')

STUBBORN = '''
import signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
'''


@pytest.fixture
def modules(tmp_path):
    """Return an environment in which small modules can be run like nodes."""
    sources = {
        'sleeper': 'import time\nprint("up")\ntime.sleep(600)\n',
        'stubborn': STUBBORN + 'print("up")\ntime.sleep(600)\n',
        'failing': 'print("first line")\nraise SystemExit("the camera is on fire")\n',
    }
    for name, source in sources.items():
        (tmp_path / f'{name}.py').write_text(source)
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    return {**os.environ, 'PYTHONPATH': path, 'PYTHONUNBUFFERED': '1'}


def alive(pid):
    """Return whether the process runs (a zombie does not)."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


def wait_until(condition, seconds=10.0):
    """Wait for ``condition()`` and return whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_all_processes_end_when_the_block_raises(tmp_path, modules):
    with pytest.raises(KeyboardInterrupt):
        with running(lambda: NodeProcess('a', 'sleeper', {}, tmp_path, modules),
                     lambda: NodeProcess('b', 'sleeper', {}, tmp_path, modules)) as processes:
            raise KeyboardInterrupt
    assert not any(alive(p.pid) for p in processes)


def test_what_started_ends_when_the_next_does_not_start(tmp_path, modules):
    started = []

    def start():
        started.append(NodeProcess('a', 'sleeper', {}, tmp_path, modules))
        return started[0]

    with pytest.raises(ZeroDivisionError):
        with running(start, lambda: 1 / 0):
            pass
    assert not alive(started[0].pid)


@pytest.mark.slow
def test_a_process_that_ignores_signals_is_killed(tmp_path, modules):
    with running(lambda: NodeProcess('a', 'stubborn', {}, tmp_path, modules)) as processes:
        assert wait_until(lambda: 'up' in (tmp_path / 'a.log').read_text())
    assert not alive(processes[0].pid)


def test_the_kernel_ends_the_children_of_a_killed_parent(tmp_path, modules):
    script = (
        'import time\n'
        'from effvit_ros.harness.processes import NodeProcess\n'
        f'import os; p = NodeProcess("a", "sleeper", {{}}, {str(tmp_path)!r}, os.environ)\n'
        'print(p.pid, flush=True); time.sleep(600)\n')
    parent = subprocess.Popen([sys.executable, '-c', script], env=modules,
                              stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert alive(child)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(5)
    assert wait_until(lambda: not alive(child))


def test_a_process_that_ended_is_named_with_its_last_words(tmp_path, modules):
    process = NodeProcess('camera', 'failing', {}, tmp_path, modules)
    assert process.wait(60)
    with pytest.raises(NodeFailed, match='the camera ended with exit code 1') as caught:
        process.check()
    assert 'the camera is on fire' in str(caught.value)
    assert 'first line' in str(caught.value)


def test_a_free_domain_is_one_that_ros_allows():
    assert 1 <= free_domain_id() <= 101
