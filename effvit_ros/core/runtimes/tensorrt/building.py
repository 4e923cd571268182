"""Builds seen from outside: run the child process, tell how far it is, explain what went wrong."""
from __future__ import annotations

import collections
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable, Deque, Iterable, Optional, Sequence

from effvit_ros.core.machine import free_memory_mb
from effvit_ros.core.runtimes.tensorrt.build_job import BuildJob
from effvit_ros.core.runtimes.tensorrt.store import EngineError

#: Seconds between two lines of progress.
PROGRESS_PERIOD_S = 5.0
#: Seconds between two looks at whether to give up.
_PERIOD_S = 0.1
#: Free memory in MB, besides the workspace, below which a build may be killed (an estimate).
_ROOM_MB = 1000
_MEMORY_WORDS = ('out of memory', 'outofmemory', 'insufficient memory', 'bad_alloc',
                 'memoryerror', 'cannot allocate memory')
MEMORY_HINT = ('free memory (stop other programs and the desktop: sudo systemctl isolate '
               'multi-user.target), add swap, lower --workspace-mb, or build with build_engine '
               'while nothing else runs')


def run_build(job: BuildJob, progress: Callable[[str], object] = lambda line: None,
              cancelled: Callable[[], bool] = lambda: False) -> Path:
    """
    Run one ``BuildJob`` in a process of its own and return the engine's path.

    :param progress: called with one line at the start and every few seconds.
    :param cancelled: asked several times a second; true ends the build.
    :raises EngineError: the build failed, was killed or cancelled; nothing half-written stays.
    """
    free = free_memory_mb()
    if free is not None and free < job.workspace_mb + _ROOM_MB:
        progress(f'only {free} MB of memory are free, so the build may be killed: {MEMORY_HINT}')
    child = _start(job)
    lines, errors = collections.deque(['starting']), collections.deque(maxlen=40)
    readers = [threading.Thread(target=_collect, args=(stream, target), daemon=True)
               for stream, target in ((child.stdout, lines), (child.stderr, errors))]
    for reader in readers:
        reader.start()
    started = told = time.monotonic()
    try:
        while child.poll() is None:
            if cancelled():
                raise EngineError('the engine build was asked to end')
            now = time.monotonic()
            if now - told >= PROGRESS_PERIOD_S:
                told = now
                progress(f'building the {job.runtime} engine: {now - started:.0f} s, {lines[-1]}')
            time.sleep(_PERIOD_S)
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
        child.stdin.close()
        for reader in readers:
            reader.join()
        child.stdout.close()
        child.stderr.close()
    if child.returncode:
        raise EngineError(_explain(child.returncode, list(errors), lines[-1], free))
    return Path(lines[-1])


def _start(job: BuildJob) -> subprocess.Popen[str]:
    # The code may run from a checkout that is not installed.
    root = str(Path(__file__).resolve().parents[3])
    paths = [root] + [p for p in os.environ.get('PYTHONPATH', '').split(os.pathsep) if p]
    return subprocess.Popen(
        [sys.executable, '-m', 'effvit_ros.core.runtimes.tensorrt.build_job', job.as_json()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True, env=dict(os.environ, PYTHONPATH=os.pathsep.join(paths)),
        start_new_session=True)  # Ctrl-C is this process's to handle


def _collect(stream: Iterable[str], target: Deque[str]) -> None:
    for line in stream:
        if line.strip():
            target.append(line.strip())


def _explain(code: int, errors: Sequence[str], phase: str, free: Optional[int]) -> str:
    """Return one line for a child that ended with ``code``."""
    text = next((e for e in reversed(errors) if e.startswith('error: ')), '')[len('error: '):]
    if not text and errors:
        text = errors[-1]
    short = any(word in line.lower() for line in errors for word in _MEMORY_WORDS)
    if code == -signal.SIGKILL:
        room = '' if free is None else f' ({free} MB were free at its start)'
        return (f'the engine build was killed during "{phase}"{room}, most likely for want of '
                f'memory: {MEMORY_HINT}')
    if short:
        return f'the engine build ran out of memory: {text}: {MEMORY_HINT}'
    if code < 0:
        return (f'the engine build crashed with {signal.Signals(-code).name} during "{phase}": '
                f'{text or "it left no message"}')
    return text or f'the engine build ended with code {code} during "{phase}"'
