"""What the node tells about itself on /diagnostics: counts, rates, latencies, a level."""
from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any, Deque, Dict, Iterator, Mapping, Optional, Tuple, Union

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from effvit_ros.core.percentiles import percentiles
from effvit_ros.ros.health.level import Condition, ERROR, Finding, judge, Limits, OK

#: Seconds that rates, latencies and recent errors look back.
WINDOW_S = 5.0
#: Entries that a window holds at most: nothing leaves it while the node's clock stands still.
_WINDOW_LENGTH = 2000
#: Seconds that the clock may go back without having jumped: two threads read it.
_JITTER_S = 0.1
#: Value of the fact ``clock`` while a simulated clock does not advance.
CLOCK_STANDS = 'simulated, stands still'
#: Of a frame whose results are out: when they were, latency, inference, age; seconds.
_Result = Tuple[float, float, float, Optional[float]]


@dataclass(frozen=True)
class HealthStatus:
    """One look at the node: a level, a sentence and named values in reading order."""

    level: int
    message: str
    values: Tuple[Tuple[str, str], ...]


class Health:
    """
    Counts what happens to frames; fed from both threads.

    Times are seconds of the node's clock, handed in by the caller. A jump in time (a bag that
    starts over) clears the windows instead of giving nonsense.
    """

    def __init__(self) -> None:
        """Start unconfigured with all counts at zero."""
        self._lock = threading.Lock()
        self._facts: Dict[str, Any] = {}
        self._state = 'unconfigured'
        self._failure = ''
        self._input_problem = ''
        self._progress = ''
        self._counts: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._last_error = ''
        self._findings: Dict[str, Finding] = {}
        self._limits = Limits()
        self._last_frame: Optional[float] = None
        self._entered: Optional[float] = None
        self._counted_since: Optional[float] = None
        self._latest: Optional[float] = None
        self._unwatched = False
        self._arrivals: Deque[float] = deque(maxlen=_WINDOW_LENGTH)
        self._results: Deque[_Result] = deque(maxlen=_WINDOW_LENGTH)
        self._recent_errors: Deque[float] = deque(maxlen=_WINDOW_LENGTH)

    def enter(self, state: str, now: float) -> None:
        """Note the lifecycle state, a successful transition into it."""
        with self._lock:
            self._state = state
            self._failure = self._input_problem = self._progress = ''
            self._unwatched = False
            if state == 'unconfigured':
                self._findings.clear()
            self._restart(now)

    def jumped(self, now: float) -> None:
        """Forget what was before a jump of the node's clock; ``now`` is after it."""
        with self._lock:
            self._restart(now)

    def set_finding(self, source: str, level: int, sentence: str) -> None:
        """
        Note what another part of the node, ``source``, found wrong.

        It raises the level while the node is active, until :meth:`clear_finding` or the node is
        unconfigured.
        """
        with self._lock:
            self._findings[source] = (level, sentence)

    def clear_finding(self, source: str) -> None:
        """Forget what ``source`` found, if anything."""
        with self._lock:
            self._findings.pop(source, None)

    def transition_failed(self, reason: str) -> None:
        """Note why a transition failed."""
        with self._lock:
            self._failure = reason

    def progress(self, line: str) -> None:
        """Note how far the transition under way is, until the next state."""
        with self._lock:
            self._progress = line

    def set_facts(self, **facts: Any) -> None:
        """Set values that are reported as they are, such as the runtime; None forgets one."""
        with self._lock:
            self._facts.update(facts)
            self._facts = {name: value for name, value in self._facts.items()
                           if value is not None}

    def input_problem(self, sentence: str) -> None:
        """Warn of something about the input until the next frame comes."""
        with self._lock:
            self._input_problem = sentence

    def frame_received(self, now: float) -> None:
        """Count a frame that came."""
        with self._lock:
            self._notice(now)
            self._counts['received'] += 1
            self._input_problem = ''
            self._last_frame = now
            self._arrivals.append(now)

    def frame_skipped(self, what: str, wanted: bool = True) -> None:
        """
        Count a frame that was put aside: ``dropped``, ``over_rate`` or ``unwatched``.

        :param wanted: whether somebody wanted its results, so that they count for the rate.
        """
        with self._lock:
            self._counts[what] += 1
            # One that is put aside before anybody asks who listens says nothing of that.
            if what == 'unwatched' or not wanted:
                self._unwatched = what == 'unwatched'
                self._counted_since = self._last_frame

    def frame_segmented(self, now: float, latency_s: float, inference_s: float,
                        age_s: Optional[float] = None) -> None:
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

    def frame_failed(self, now: float, kind: str, message: str) -> None:
        """Count a frame that could not be read or segmented."""
        with self._lock:
            self._errors[kind] += 1
            self._last_error = message
            self._recent_errors.append(now)

    def silent_for(self, now: float) -> float:
        """Return the seconds since the last frame, or since activation where none came."""
        with self._lock:
            self._notice(now)
            return self._silence(now)

    def report(self, now: float, limits: Limits = Limits()) -> HealthStatus:
        """Return the present :class:`HealthStatus`."""
        with self._lock:
            self._notice(now)
            if limits != self._limits:  # what came before was not asked to keep the new ones
                self._limits, self._counted_since = limits, now
            for window in (self._arrivals, self._results, self._recent_errors):
                _trim(window, now)
            level, message = self._judged(now, limits)
            return HealthStatus(level, message, tuple(self._values(now)))

    def _restart(self, now: float) -> None:
        self._entered = self._counted_since = self._latest = now
        self._last_frame = None
        for window in (self._arrivals, self._results, self._recent_errors):
            window.clear()

    def _notice(self, now: float) -> None:
        """Start again where the clock went back."""
        if self._latest is not None and now < self._latest - _JITTER_S:
            self._restart(now)
        self._latest = now

    def _silence(self, now: float) -> float:
        since = self._entered if self._last_frame is None else self._last_frame
        return 0.0 if since is None else max(0.0, now - since)

    def _judged(self, now: float, limits: Limits) -> Finding:
        if self._failure:
            return ERROR, self._failure
        if self._state != 'active':
            return OK, ': '.join(filter(None, (self._state, self._progress)))
        return judge(self._condition(now), limits)

    def _condition(self, now: float) -> Condition:
        full = self._counted_since is not None and now - self._counted_since >= WINDOW_S
        return Condition(
            silence_s=self._silence(now), image_topic=self._facts.get('image_topic', ''),
            input_problem=self._input_problem,
            recent_error=self._last_error if self._recent_errors else '',
            some_segmented=bool(self._results), any_frame=self._last_frame is not None,
            unwatched=self._unwatched,
            rate_hz=len(self._results) / WINDOW_S if full else None,
            arrival_hz=len(self._arrivals) / WINDOW_S if full else None,
            # The first frames after a start are slow.
            latency_p95_ms=(
                percentiles([1e3 * entry[1] for entry in self._results], (95,))[0]
                if full else None),
            clock_stands=self._facts.get('clock') == CLOCK_STANDS,
            findings=tuple(self._findings.values()))

    def _values(self, now: float) -> Iterator[Tuple[str, str]]:
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
            for percent, found in zip((50, 95), percentiles(seconds)):
                yield f'{name}_p{percent}_ms', '' if found is None else f'{found * 1e3:.1f}'
        last = '' if self._last_frame is None else f'{self._silence(now):.3f}'
        yield 'last_frame_age_s', last
        for what in ('received', 'segmented', 'dropped', 'over_rate', 'unwatched'):
            yield f'frames_{what}', str(self._counts[what])
        yield 'errors', str(sum(self._errors.values()))
        for kind, count in sorted(self._errors.items()):
            yield f'errors_{kind}', str(count)
        yield 'last_error', self._last_error


def _trim(window: Union[Deque[float], Deque[_Result]], now: float) -> None:
    """Drop entries older than the window, and those from before a jump back in time."""
    def time_of(entry: Union[float, _Result]) -> float:
        return entry[0] if isinstance(entry, tuple) else entry
    while window and not now - WINDOW_S <= time_of(window[0]) <= now + WINDOW_S:
        window.popleft()


def diagnostics_message(reports: Mapping[str, HealthStatus], node_name: str,
                        stamp: Time) -> DiagnosticArray:
    """
    Return the DiagnosticArray with a status for each report, named as the convention asks.

    :param reports: mapping of the status's name (``segmentation``, ``machine``) to its
        :class:`HealthStatus`; the hardware is the report's ``runtime`` or ``board``.
    """
    message = DiagnosticArray()
    message.header.stamp = stamp
    for name, report in reports.items():
        values = dict(report.values)
        message.status.append(DiagnosticStatus(
            level=bytes([report.level]), name=f'{node_name}: {name}', message=report.message,
            hardware_id=values.get('runtime', values.get('board', '')),
            values=[KeyValue(key=key, value=value) for key, value in report.values]))
    return message


def segmenter_status(message: DiagnosticArray) -> Optional[Dict[str, Any]]:
    """
    Return the values of the node ``segmenter`` in a DiagnosticArray, with level and message.

    None where the array holds no status of it.
    """
    for status in message.status:
        if status.name == 'segmenter: segmentation':
            values = {v.key: v.value for v in status.values}
            values.update(level=status.level[0], message=status.message)
            return values
    return None
