"""What a process uses, from Linux's /proc: memory, files, threads, CPU time."""
from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Dict, NamedTuple

PROC = Path('/proc')


class ProcessUsage(NamedTuple):
    """
    One look at a process.

    ``rss_mb``: resident memory, 2^20 bytes, of which ``shared_mb`` is shared memory (the
    pictures of the DDS). ``cpu_s``: CPU time of all its threads since it started.
    """

    rss_mb: float
    shared_mb: float
    fds: int
    threads: int
    cpu_s: float


def process_usage(pid: int) -> ProcessUsage:
    """
    Return the :class:`ProcessUsage` of the process ``pid``.

    :raises OSError: it is gone, or not ours to look at.
    """
    folder = PROC / str(pid)
    status = dict(line.split(':', 1) for line in (folder / 'status').read_text().splitlines()
                  if ':' in line)
    fields = (folder / 'stat').read_text().rsplit(')', 1)[1].split()
    if 'VmRSS' not in status:  # a zombie has no memory
        raise ProcessLookupError(f'process {pid} has ended')
    return ProcessUsage(
        _mb(status['VmRSS']), _mb(status.get('RssShmem', '0 kB')),
        len(os.listdir(folder / 'fd')), int(status['Threads']),
        (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK'))


def starved_threads(pid: int, seconds: float = 0.25) -> int:
    """
    Return how many threads of a process want to run and get no CPU at all for ``seconds``.

    Only other processes of a higher, or the same real-time priority do that to a thread.
    """
    folder = PROC / str(pid) / 'task'
    before = _run_times(folder)
    time.sleep(seconds)
    after = _run_times(folder)
    return sum(after.get(thread) == ran for thread, ran in before.items())


def _run_times(folder: Path) -> Dict[str, int]:
    """Return the nanoseconds that each thread which wants to run has had; {} where none tells."""
    found = {}
    for thread in folder.glob('[0-9]*'):
        try:
            state = (thread / 'stat').read_text().rsplit(')', 1)[1].split()[0]
            if state == 'R':
                found[thread.name] = int((thread / 'schedstat').read_text().split()[0])
        except (OSError, IndexError, ValueError):  # it has ended, or the kernel does not count
            continue
    return found


def _mb(text: str) -> float:
    return int(text.split()[0]) / 1024
