"""The report of a soak: kept up to date while it runs, written, shown."""
from __future__ import annotations

import shlex
from typing import Any, Dict, TYPE_CHECKING

from effvit_ros.core.whole_file import write_bytes, write_json
from effvit_ros.report.facts import machine, now, versions
from effvit_ros.report.render import write_page
from effvit_ros.soak.figures import figures, verdicts
from effvit_ros.soak.page import PLOT, soak_page
from effvit_ros.soak.plots import record_plot
from effvit_ros.soak.samples_file import write_samples

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from rich.console import Console

    from effvit_ros.core.bundle import Bundle
    from effvit_ros.soak.record import Record


class SoakReport:
    """The report so far, and how it is written and shown."""

    def __init__(self, options: argparse.Namespace, bundle: Bundle, record: Record,
                 folder: Path) -> None:
        """Report on ``record`` into ``folder``."""
        self.folder = folder
        self._record = record
        self._options = options
        self._finished = False
        self._facts = {
            'minutes': options.minutes, 'size': list(options.size), 'model': bundle.name,
            'model_sha256': bundle.sha256, 'threads': options.threads,
            'command': shlex.join(['python', '-m', 'effvit_ros.soak', *options.given]),
            'machine': machine(), 'versions': versions(),
            'date': now()}

    def so_far(self) -> Dict[str, Any]:
        """Return the report so far as a dictionary, the figures that matter most first."""
        known = self._record.diagnostics
        return {**figures(self._record, self._options.rate), 'finished': self._finished,
                'runtime': known.get('runtime', ''),
                'runtime_description': known.get('runtime_description', ''), **self._facts}

    def line(self) -> str:
        """Return where the run is in one line."""
        usage, seconds = self._record.samples[-1].segmenter, self._record.seconds
        since = seconds - 10
        ages = [age for at, age in self._record.ages[-1000:] if at > since]
        age = f'{sum(ages) / len(ages):.0f} ms' if ages else '-'
        return (f'{seconds / 60:.1f}/{self._options.minutes:g} min | RSS {usage.rss_mb:.1f} MB | '
                f'{usage.fds} files | {usage.threads} threads | '
                f'{len(ages) / min(10, max(seconds, 1)):.1f} label maps/s | mean age {age} | '
                f'{sum(self._record.errors.values())} errors')

    def write(self) -> None:
        """Write report.json in one step."""
        report = self.so_far()
        report['verdicts'] = [v._asdict() for v in verdicts(report)]
        write_json(self.folder / 'report.json', report)

    def finish(self, finished: bool) -> None:
        """Write report.json, the samples, the plot and the pages."""
        self._finished = finished
        self.write()
        write_samples(self._record.samples, self.folder / 'samples.csv')
        plot, report = record_plot(self._record), self.so_far()
        write_bytes(self.folder / PLOT, plot)
        write_page(soak_page(report, verdicts(report), plot), self.folder)

    def show(self, console: Console) -> bool:
        """Print the verdicts; returns whether one is missed."""
        found = verdicts(self.so_far())
        for verdict in found:
            word = 'met' if verdict.met else 'MISSED'
            console.print(f'{verdict.what}: {verdict.value} ({verdict.limit}: {word})',
                          highlight=False, soft_wrap=True)
        if self._record.last_error:
            console.print(f'last error: {self._record.last_error}', highlight=False,
                          soft_wrap=True)
        console.print(f"written: {self.folder / 'report.json'}, report.html, report.md, "
                      'soak.png, samples.csv', highlight=False, soft_wrap=True)
        return not all(verdict.met for verdict in found)
