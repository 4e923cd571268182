"""
Where the bags of a batch are evaluated: in this process, in others, or on a Ray cluster.

An executor is an object with ``run(jobs, on_progress)``, which yields an
:class:`~effvit_ros.evaluation.one_bag.Outcome` for each job as it ends, in any order, whatever
happens to a job. ``on_progress(job, frames done, frames in all)`` is called in between.
"""
from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections import deque
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Callable, Dict, Iterator, Optional, Protocol, Sequence, Tuple

from effvit_ros.bags.problems import Problem
from effvit_ros.core.errors import UserError
from effvit_ros.evaluation.one_bag import Job, Outcome, Progress, run_job

#: Called with (job, frames done, frames in all).
JobProgress = Callable[[Job, int, int], None]
#: Seconds between two messages about a bag's progress.
_PROGRESS_PERIOD_S = 0.2
#: Seconds that a process gets to clean up when it is asked to end.
_PATIENCE_S = 5.0


class Executor(Protocol):
    """Where the bags of a batch are evaluated."""

    def run(self, jobs: Sequence[Job], on_progress: JobProgress) -> Iterator[Outcome]:
        """Yield the outcome of each job."""


class InlineEngine:
    """One bag after the other in this process."""

    def run(self, jobs: Sequence[Job], on_progress: JobProgress) -> Iterator[Outcome]:
        """Yield the outcome of each job."""
        for job in jobs:
            yield run_job(job, _throttled(partial(on_progress, job)))


class ProcessEngine:
    """Every bag in a process of its own: one that crashes takes no other with it."""

    def __init__(self, workers: int) -> None:
        """Run up to ``workers`` processes at a time."""
        self._workers = workers
        self._context = multiprocessing.get_context('spawn')

    def run(self, jobs: Sequence[Job], on_progress: JobProgress) -> Iterator[Outcome]:
        """Yield the outcome of each job; leaving the loop early ends the processes."""
        waiting = deque(jobs)
        running: Dict[Connection, Tuple[SpawnProcess, Job]] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self._workers:
                    job = waiting.popleft()
                    running.update([self._start(job)])
                ready = wait(list(running))
                for connection in [each for each in running if each in ready]:
                    process, job = running[connection]
                    try:
                        kind, content = connection.recv()
                    except EOFError:
                        process.join()
                        kind, content = 'outcome', _crashed(job, process.exitcode)
                    if kind == 'progress':
                        on_progress(job, *content)
                        continue
                    del running[connection]
                    process.join()
                    yield content
        finally:
            for process, _ in running.values():
                process.terminate()
            for process, _ in running.values():
                process.join(_PATIENCE_S)
                if process.is_alive():
                    process.kill()

    def _start(self, job: Job) -> Tuple[Connection, Tuple[SpawnProcess, Job]]:
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(job, theirs), daemon=True)
        process.start()
        theirs.close()
        return ours, (process, job)


class RayEngine:
    """
    Every bag as a task on a Ray cluster, which must see the same files under the same names.

    ``RAY_ADDRESS`` names the cluster; without it Ray starts on this machine alone.
    """

    def __init__(self) -> None:
        """
        Connect.

        :raises UserError: Ray is not installed or its cluster does not answer.
        """
        try:
            import ray
        except ImportError:
            raise UserError('--engine ray: Ray is not installed: '
                            "pip install 'effvit_ros[ray]'") from None
        self._ray = ray
        try:
            ray.init(ignore_reinit_error=True, log_to_driver=False)
        except (ConnectionError, RuntimeError) as error:
            raise UserError(f'--engine ray: {error}') from None

    def run(self, jobs: Sequence[Job], on_progress: JobProgress) -> Iterator[Outcome]:
        """Yield the outcome of each job; progress is told bag by bag only."""
        ray = self._ray
        pending = {}
        for job in jobs:
            # A bag that crashed its worker would crash the next one as well.
            task = ray.remote(max_retries=0, num_cpus=max(1, job.settings.threads))(run_job)
            pending[task.remote(job)] = job
        try:
            while pending:
                (done,), _ = ray.wait(list(pending), num_returns=1)
                job = pending.pop(done)
                try:
                    yield ray.get(done)
                except ray.exceptions.RayError as error:
                    yield _failed(job, ' '.join(str(error).split())[:300])
        finally:
            for task in pending:
                ray.cancel(task, force=True)


def _work(job: Job, connection: Connection) -> None:
    """Evaluate one bag in a child process; the parent decides about Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # An orderly exit removes what is unfinished.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    def tell(*progress: int) -> None:
        connection.send(('progress', progress))
    connection.send(('outcome', run_job(job, _throttled(tell))))


def _throttled(report: Progress) -> Progress:
    """Return a function that passes its calls on now and then, the last one always."""
    last = [0.0]

    def maybe(done: int, total: int) -> None:
        now = time.monotonic()
        if now - last[0] >= _PROGRESS_PERIOD_S or done >= total:
            last[0] = now
            report(done, total)
    return maybe


def _crashed(job: Job, exit_code: Optional[int]) -> Outcome:
    how = f'exit code {exit_code}'
    if exit_code is not None and exit_code < 0:
        how = signal.Signals(-exit_code).name
    return _failed(job, f'its process ended with {how}')


def _failed(job: Job, reason: str) -> Outcome:
    return Outcome(job, 'failed', (Problem('failed', f'{job.bag}: {reason}'),))
