"""Progress of long work on standard error: live on a terminal, now and then a line in a log."""
from __future__ import annotations

import contextlib
import math
import time
from typing import Callable, Dict, Iterator, Optional, Tuple

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

#: Seconds between two lines in a log, of bars and of a status.
LINE_PERIOD_S = 10.0
STATUS_PERIOD_S = 2.0


@contextlib.contextmanager
def steps(title: str, total: int, done: int = 0,
          quiet: bool = False) -> Iterator[Callable[..., None]]:
    """
    Yield a function to call after each of ``total`` steps, ``done`` of them already behind.

    Called with a number, it stands for so many steps.

    :param quiet: show nothing: another process does.
    """
    if quiet:
        yield lambda count=1: None
        return
    with Bars() as bars:
        def advance(count: int = 1) -> None:
            nonlocal done
            done += count
            bars.advance(title, done, total)
        bars.advance(title, done, total)
        yield advance


class Bars:
    """
    A bar for every piece of work, and one for all of them where there are several.

    In a log: a line about each piece every :data:`LINE_PERIOD_S`, and when it is complete.
    """

    def __init__(self, n_pieces: int = 1, unit: str = '', pieces: str = '',
                 console: Optional[Console] = None) -> None:
        """
        Draw on standard error.

        :param unit: what a piece is counted in, such as ``frames``.
        :param pieces: what the pieces are called, such as ``bags``.
        """
        self._console = console or Console(stderr=True)
        self._n_pieces, self._unit, self._pieces = n_pieces, unit, pieces
        self._n_finished = 0
        #: When a piece began, and how much of it was there.
        self._started: Dict[str, Tuple[float, int]] = {}
        self._told: Dict[str, float] = {}
        self._tasks: Dict[str, TaskID] = {}
        self._live: Optional[Progress] = None
        self._all: Optional[TaskID] = None
        if self._console.is_terminal:
            self._live = Progress(
                TextColumn('{task.description}'), BarColumn(),
                TextColumn('{task.completed:.0f}/{task.total:.0f}'),  # rich 11 has no own column
                TextColumn('{task.fields[unit]}'), TimeRemainingColumn(),
                console=self._console, transient=True)
            if n_pieces > 1:
                self._all = self._live.add_task(f'all {pieces}', total=n_pieces, unit=pieces)

    def __enter__(self) -> Bars:
        """Start drawing."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop drawing."""
        if self._live is not None:
            self._live.stop()

    def advance(self, name: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` of the piece ``name`` are through."""
        if self._live is not None:
            if name not in self._tasks:
                self._tasks[name] = self._live.add_task(name, total=total, unit=self._unit)
            self._live.update(self._tasks[name], completed=done, total=total)
            return
        now = time.monotonic()
        if name not in self._started:
            self._started[name] = now, done
            self._told[name] = now
            return
        if done < total and now - self._told[name] < LINE_PERIOD_S:
            return
        self._told[name] = now
        self._write(f'{name}: {done} of {total} {self._unit}'.rstrip()
                    + self._pace(name, done, total, now))

    def finish(self, name: str, status: str) -> None:
        """Show that a piece is through."""
        self._n_finished += 1
        if self._live is not None:
            if name in self._tasks:
                self._live.remove_task(self._tasks.pop(name))
            if self._all is not None:
                self._live.advance(self._all)
        of_all = (f' ({self._n_finished} of {self._n_pieces} {self._pieces})'
                  if self._n_pieces > 1 else '')
        self._write(f'{name}: {status}{of_all}')

    def _pace(self, name: str, done: int, total: int, now: float) -> str:
        since, first = self._started[name]
        seconds = now - since
        if done <= first or seconds <= 0:
            return ''
        rate = (done - first) / seconds
        left = f', {_duration((total - done) / rate)} left' if done < total else ''
        return f', {rate:.1f} a second, {_duration(seconds)}{left}'

    def _write(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


class Status:
    """One line that tells how something goes, rewritten in place on a terminal."""

    def __init__(self, console: Console) -> None:
        """Print to ``console``."""
        self._console = console
        self._live = Live(console=console, refresh_per_second=5, transient=True)
        self._printed_at = -math.inf

    def __enter__(self) -> Status:
        """Begin."""
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """End."""
        if self._console.is_terminal:
            self._live.stop()

    def say(self, text: str, now: bool = False) -> None:
        """Show a sentence; in a log only every few seconds, unless it must be ``now``."""
        if self._console.is_terminal:
            self._live.update(Text(text))
        elif now or time.monotonic() - self._printed_at >= STATUS_PERIOD_S:
            self._printed_at = time.monotonic()
            self._console.print(text, highlight=False, soft_wrap=True)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f'{minutes} min {seconds} s' if minutes else f'{seconds} s'
