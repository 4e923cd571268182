"""What the node tells about itself on /diagnostics: counts, rates, latencies, a level."""
from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import Tuple

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

OK, WARN, ERROR, STALE = 0, 1, 2, 3

#: Seconds that rates, latencies and recent errors look back.
WINDOW_S = 5.0


@dataclass(frozen=True)
class Report:
    """One look at the node: a level, a sentence and named values in reading order."""

    level: int
    message: str
    values: Tuple[Tuple[str, str], ...]


class Health:
    """
    Counts what happens to frames; fed from both threads.

    Times are seconds of the node's clock, handed in by the caller. A jump back in time (a bag
    that starts over) clears the window instead of giving nonsense.
    """

    def __init__(self):
        """Start unconfigured with all counts at zero."""
        self._lock = threading.Lock()
        self._facts = {}
        self._state = 'unconfigured'
        self._failure = ''
        self._complaint = ''
        self._progress = ''
        self._counts = Counter()
        self._errors = Counter()
        self._last_error = ''
        self._last_frame = None
        self._entered = None
        self._unwatched = False
        self._results = deque()
        self._recent_errors = deque()

    def enter(self, state, now):
        """Note the lifecycle state, a successful transition into it."""
        with self._lock:
            self._state = state
            self._failure = self._complaint = self._progress = ''
            self._last_frame = None
            self._entered = now
            self._unwatched = False
            self._results.clear()
            self._recent_errors.clear()

    def fail(self, reason):
        """Note why a transition failed."""
        with self._lock:
            self._failure = reason

    def progress(self, line):
        """Note how far the transition under way is, until the next state."""
        with self._lock:
            self._progress = line

    def know(self, **facts):
        """Set values that are reported as they are, such as the runtime; None forgets one."""
        with self._lock:
            self._facts.update(facts)
            self._facts = {name: value for name, value in self._facts.items()
                           if value is not None}

    def complain(self, complaint):
        """Warn of something about the input until the next frame comes."""
        with self._lock:
            self._complaint = complaint

    def received(self, now):
        """Count a frame that came."""
        with self._lock:
            self._counts['received'] += 1
            self._complaint = ''
            self._last_frame = now

    def count(self, what):
        """Count a frame that was put aside: ``dropped``, ``over_rate`` or ``unwatched``."""
        with self._lock:
            self._counts[what] += 1
            self._unwatched = what == 'unwatched'

    def segmented(self, now, latency_s, inference_s, age_s=None):
        """
        Count a frame whose results are out.

        :param latency_s: from its arrival in the node to the last result.
        :param inference_s: what the runtime took of it; the rest is the node's overhead.
        :param age_s: from its stamp to the last result; None where it has no stamp.
        """
        with self._lock:
            self._counts['segmented'] += 1
            self._unwatched = False
            self._results.append((now, latency_s, inference_s, age_s))

    def failed(self, now, kind, message):
        """Count a frame that could not be read or segmented."""
        with self._lock:
            self._errors[kind] += 1
            self._last_error = message
            self._recent_errors.append(now)

    def silent_for(self, now):
        """Return the seconds since the last frame, or since activation where none came."""
        with self._lock:
            return self._silence(now)

    def report(self, now, no_image_timeout):
        """Return the present :class:`Report`; a ``no_image_timeout`` of 0 never warns."""
        with self._lock:
            for window in (self._results, self._recent_errors):
                _trim(window, now)
            level, message = self._verdict(now, no_image_timeout)
            return Report(level, message, tuple(self._values(now)))

    def _silence(self, now):
        since = self._entered if self._last_frame is None else self._last_frame
        if since is None or now < since:
            self._entered = now
            self._last_frame = None
            return 0.0
        return now - since

    def _verdict(self, now, no_image_timeout):
        if self._failure:
            return ERROR, self._failure
        if self._state != 'active':
            return OK, ': '.join(filter(None, (self._state, self._progress)))
        if self._complaint:
            return WARN, self._complaint
        silence = self._silence(now)
        if no_image_timeout and silence > no_image_timeout:
            return STALE, f'no frame for {silence:.0f} s on {self._facts.get("image_topic", "")}'
        if self._recent_errors and not self._results:
            return ERROR, f'no frame can be segmented: {self._last_error}'
        if self._recent_errors:
            return WARN, f'some frames cannot be segmented: {self._last_error}'
        if self._last_frame is None:
            return OK, 'waiting for the first frame'
        if self._unwatched:
            return OK, 'idle: nobody subscribes to the results'
        return OK, 'segmenting'

    def _values(self, now):
        yield 'state', self._state
        for name, value in self._facts.items():
            yield name, str(value)
        span = min(WINDOW_S, now - self._entered) if self._entered is not None else 0
        yield 'rate_hz', f'{len(self._results) / span if span > 0 else 0:.1f}'
        latencies = [latency for _, latency, _, _ in self._results]
        inferences = [inference for _, _, inference, _ in self._results]
        overheads = [latency - inference for _, latency, inference, _ in self._results]
        ages = [age for _, _, _, age in self._results if age is not None]
        for name, seconds in (('latency', latencies), ('inference', inferences),
                              ('overhead', overheads), ('age', ages)):
            for percent in (50, 95):
                value = f'{np.percentile(seconds, percent) * 1e3:.1f}' if seconds else ''
                yield f'{name}_p{percent}_ms', value
        last = '' if self._last_frame is None else f'{self._silence(now):.3f}'
        yield 'last_frame_age_s', last
        for what in ('received', 'segmented', 'dropped', 'over_rate', 'unwatched'):
            yield f'frames_{what}', str(self._counts[what])
        yield 'errors', str(sum(self._errors.values()))
        for kind, count in sorted(self._errors.items()):
            yield f'errors_{kind}', str(count)
        yield 'last_error', self._last_error


def _trim(window, now):
    """Drop entries older than the window, and all of them after a jump back in time."""
    def time_of(entry):
        return entry[0] if isinstance(entry, tuple) else entry
    if window and time_of(window[-1]) > now:
        window.clear()
    while window and time_of(window[0]) < now - WINDOW_S:
        window.popleft()


def diagnostics_message(report, node_name, stamp):
    """Return the DiagnosticArray with one status, named as the convention asks."""
    status = DiagnosticStatus(
        level=bytes([report.level]), name=f'{node_name}: segmentation', message=report.message,
        hardware_id=dict(report.values).get('runtime', ''),
        values=[KeyValue(key=key, value=value) for key, value in report.values])
    message = DiagnosticArray(status=[status])
    message.header.stamp = stamp
    return message


def segmenter_status(message):
    """
    Return the values of the node ``segmenter`` in a DiagnosticArray, with level and message.

    None where the array holds no status of it.
    """
    for status in message.status:
        if status.name.startswith('segmenter:'):
            values = {v.key: v.value for v in status.values}
            values.update(level=status.level[0], message=status.message)
            return values
    return None
