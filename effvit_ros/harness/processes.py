"""The node processes: started together, watched, and ended whatever happens."""
from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Union

import yaml

from effvit_ros.core.errors import UserError
from effvit_ros.ros.common.dds import dds_environment

#: Seconds that a process gets to end after each signal.
_PATIENCE_S = ((signal.SIGINT, 5.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0))
_TAIL_LINES = 12
_PR_SET_PDEATHSIG = 1


class NodeFailed(UserError):
    """A node process ended or never did its work; the message holds its last log lines."""


class NodeProcess:
    """One node in a process (and process group) of its own, its output in a log file."""

    def __init__(self, name: str, module: str, parameters: Mapping[str, Any],
                 folder: Union[str, Path], environment: Mapping[str, str]) -> None:
        """
        Start ``python -m module`` with ``parameters``.

        :param folder: where ``<name>.log`` and ``<name>.yaml``, the parameter file, are written.
        """
        self.name = name
        self.log = Path(folder) / f'{name}.log'
        file = Path(folder).resolve() / f'{name}.yaml'
        file.write_text(yaml.safe_dump({'/**': {'ros__parameters': parameters}}),
                        encoding='utf-8')
        command = [sys.executable, '-m', module, '--ros-args', '--params-file', str(file)]
        with open(self.log, 'wb') as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env=environment, start_new_session=True, preexec_fn=_die_with_parent())

    @property
    def pid(self) -> int:
        """Return the process's id."""
        return self._process.pid

    @property
    def exit_code(self) -> Optional[int]:
        """Return the exit code, None while it runs."""
        return self._process.poll()

    def failure(self, what: str) -> NodeFailed:
        """Return a :class:`NodeFailed` that says ``what`` and shows the end of the log."""
        lines = self.log.read_text(encoding='utf-8', errors='replace').splitlines()
        tail = ''.join(f'\n  {line}' for line in lines[-_TAIL_LINES:]) or ' (nothing)'
        return NodeFailed(f'{what}; the last lines of {self.log}:{tail}')

    def check(self) -> None:
        """Raise :class:`NodeFailed` when the process has ended."""
        if self.exit_code is not None:
            raise self.failure(f'the {self.name} ended with exit code {self.exit_code}')

    def signal(self, number: int) -> None:
        """Send a signal to the whole group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Return whether the process ended within ``seconds``."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


@contextlib.contextmanager
def running(*starters: Callable[[], NodeProcess]) -> Iterator[List[NodeProcess]]:
    """
    Start processes one after the other, yield them, and end all of them on the way out.

    :param starters: called without arguments; each returns a :class:`NodeProcess`.
    """
    processes: List[NodeProcess] = []
    try:
        for starter in starters:
            processes.append(starter())
        yield processes
    finally:
        _end(processes)


def _end(processes: Sequence[NodeProcess]) -> None:
    # A second Ctrl-C must not leave processes behind.
    previous = {n: signal.signal(n, signal.SIG_IGN) for n in (signal.SIGINT, signal.SIGTERM)}
    left = [p for p in processes if p.exit_code is None]
    for number, patience in _PATIENCE_S:
        for process in left:
            process.signal(number)
        deadline = time.monotonic() + patience
        left = [p for p in left if not p.wait(max(0.0, deadline - time.monotonic()))]
    for process in processes:
        process.signal(signal.SIGKILL)
    for number, handler in previous.items():
        signal.signal(number, handler)


def _die_with_parent() -> Optional[Callable[[], None]]:
    """Return what a child calls so that the kernel ends it with its parent, however that dies."""
    if not sys.platform.startswith('linux'):
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def ask_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)
    return ask_kernel


def node_environment(domain_id: int,
                     environ: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """
    Return the environment that lets processes of one machine exchange pictures undisturbed.

    :param domain_id: their ROS_DOMAIN_ID.
    """
    environment = dict(os.environ if environ is None else environ)
    environment.update(dds_environment(environment))
    environment.update(
        ROS_DOMAIN_ID=str(domain_id), ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST',
        PYTHONUNBUFFERED='1')
    return environment


def free_domain_id() -> int:
    """
    Return a ROS_DOMAIN_ID that no process of this machine uses.

    :raises UserError: when all are taken.
    """
    # Above 101 the ports of a domain meet those that Linux gives to clients.
    start = os.getpid()
    for offset in range(101):
        domain_id = 1 + (start + offset) % 101
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                # The port of a domain's first participant (RTPS 9.6.2.3).
                probe.bind(('', 7400 + 250 * domain_id + 10))
            except OSError:
                continue
        return domain_id
    raise UserError('all ROS domains 1 to 101 are in use on this machine: give --domain')
