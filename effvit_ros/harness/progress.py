"""The live line: rewritten in place on a terminal, a line every few seconds in a log."""
from __future__ import annotations

import math
import time

from rich.live import Live
from rich.text import Text

#: Seconds between two lines where the output is no terminal.
_LOG_PERIOD_S = 2.0


class Progress:
    """Shows how a stream goes; a context manager."""

    def __init__(self, console):
        """Print to ``console``."""
        self._console = console
        self._live = Live(console=console, refresh_per_second=5, transient=True)
        self._printed_at = -math.inf

    def __enter__(self):
        """Begin."""
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exception):
        """End."""
        if self._console.is_terminal:
            self._live.stop()

    def say(self, text, now=False):
        """Show a sentence; in a log only every few seconds, unless it must be ``now``."""
        if self._console.is_terminal:
            self._live.update(Text(text))
        elif now or time.monotonic() - self._printed_at >= _LOG_PERIOD_S:
            self._printed_at = time.monotonic()
            self._console.print(text, highlight=False, soft_wrap=True)

    def show(self, figures, miou, elapsed_s, seconds):
        """Show the figures of the last moments."""
        self.say(progress_line(figures, miou, elapsed_s, seconds))


def progress_line(figures, miou, elapsed_s, seconds):
    """Return one line of text; what is not known yet is a dash."""
    def number(value, form):
        return '-' if value is None or math.isnan(value) else format(value, form)

    return (f'{elapsed_s:.1f}/{seconds:g} s | {figures.fps:.1f} FPS | '
            f"age p50 {number(figures.latency_p50_ms, '.0f')} "
            f"p95 {number(figures.latency_p95_ms, '.0f')} ms | "
            f'dropped {figures.frames_dropped}/{figures.frames_published} | '
            f"mIoU {number(miou, '.3f')}")
