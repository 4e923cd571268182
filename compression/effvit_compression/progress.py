"""Progress of long work: a bar on a terminal, a line now and then in a log."""
from __future__ import annotations

import contextlib
import sys
import time
from typing import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

#: Seconds between two lines in a log.
PERIOD_S = 10.0


@contextlib.contextmanager
def steps(title: str, total: int, done: int = 0, quiet: bool = False,
          ) -> Iterator[Callable[..., None]]:
    """
    Give a function to call after each of ``total`` steps, ``done`` of them already behind.

    Called with a number, it stands for so many steps.

    :param quiet: show nothing: another process does.
    """
    if quiet:
        yield lambda count=1: None
        return
    console = Console(stderr=True)
    if console.is_terminal:
        columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(),
                   TimeRemainingColumn())
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(title, total=total, completed=done)
            yield lambda count=1: bar.advance(task, count)
        return
    start = last = time.monotonic()

    def advance(count=1):
        nonlocal done, last
        done += count
        if done == total or time.monotonic() - last > PERIOD_S:
            last = time.monotonic()
            print(f'{title}: {done}/{total}, {last - start:.0f} s', file=sys.stderr, flush=True)

    yield advance
