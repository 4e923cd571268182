"""What a process uses, from Linux's /proc: memory, files, threads, CPU time."""
from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


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
    folder = Path('/proc') / str(pid)
    status = dict(line.split(':', 1) for line in (folder / 'status').read_text().splitlines()
                  if ':' in line)
    fields = (folder / 'stat').read_text().rsplit(')', 1)[1].split()
    if 'VmRSS' not in status:  # a zombie has no memory
        raise ProcessLookupError(f'process {pid} has ended')
    return ProcessUsage(
        _mb(status['VmRSS']), _mb(status.get('RssShmem', '0 kB')),
        len(os.listdir(folder / 'fd')), int(status['Threads']),
        (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK'))


def _mb(text):
    return int(text.split()[0]) / 1024
