"""Progress of a batch with the time that is left: a live display, or plain lines in a log."""
from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

#: Seconds between two plain lines about one bag.
_LINE_PERIOD_S = 10.0


def batch_progress(n_bags):
    """Return the progress for standard error: live on a terminal, lines otherwise."""
    return LiveProgress(n_bags) if sys.stderr.isatty() else LineProgress(n_bags)


class LiveProgress:
    """A bar for every bag in work, one for all bags where there are several."""

    def __init__(self, n_bags):
        """Draw on standard error."""
        self._progress = Progress(
            TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(),
            TextColumn('{task.fields[unit]}'), TimeRemainingColumn(),
            console=Console(stderr=True), transient=True)
        self._all = None
        if n_bags > 1:
            self._all = self._progress.add_task('all bags', total=n_bags, unit='bags')
        self._tasks = {}

    def advance(self, name, done, total):
        """Show that ``done`` of ``total`` frames of the bag are through."""
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, unit='frames')
        self._progress.update(self._tasks[name], completed=done, total=total)

    def finish(self, name, status):
        """Show that a bag is through."""
        if name in self._tasks:
            self._progress.remove_task(self._tasks.pop(name))
        if self._all is not None:
            self._progress.advance(self._all)
        self._progress.console.print(f'{name}: {status}', highlight=False, markup=False)

    def __enter__(self):
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(self, *exception):
        """Stop drawing."""
        self._progress.stop()


class LineProgress:
    """A line for a bag now and then, and one at its end."""

    def __init__(self, n_bags):
        """Write to standard error."""
        self._n_bags = n_bags
        self._n_finished = 0
        self._started = {}
        self._told = {}

    def advance(self, name, done, total):
        """Write a line when the last one is some time ago."""
        now = time.monotonic()
        start = self._started.setdefault(name, now)
        if now - self._told.setdefault(name, now) < _LINE_PERIOD_S:
            return
        self._told[name] = now
        left = (now - start) / done * (total - done)
        self._write(f'{name}: {done} of {total} frames, {done / (now - start):.1f} a second, '
                    f'{_duration(left)} left')

    def finish(self, name, status):
        """Write that a bag is through."""
        self._n_finished += 1
        of_all = f' ({self._n_finished} of {self._n_bags} bags)' if self._n_bags > 1 else ''
        self._write(f'{name}: {status}{of_all}')

    def __enter__(self):
        """Return itself."""
        return self

    def __exit__(self, *exception):
        """Do nothing."""

    def _write(self, line):
        print(line, file=sys.stderr, flush=True)


def _duration(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    return f'{minutes} min {seconds} s' if minutes else f'{seconds} s'
