"""From what the node counted to a level of /diagnostics and a sentence; see docs/health.md."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Iterator, Optional, Tuple

OK, WARN, ERROR, STALE = 0, 1, 2, 3

#: A level and the sentence that goes with it.
Finding = Tuple[int, str]

#: What is worse than what: a fault of the node hides a silent camera, not the other way round.
_SEVERITY = (OK, WARN, STALE, ERROR)
#: Share of the target rate from which on it counts as reached.
_RATE_TOLERANCE = 0.9


@dataclass(frozen=True)
class Limits:
    """The operator's limits, as the parameters of the same names say; 0 never warns."""

    no_image_timeout: float = 0.0
    target_rate_hz: float = 0.0
    latency_budget_ms: float = 0.0


@dataclass(frozen=True)
class Condition:
    """
    How an active node does, by its own clock.

    ``rate_hz`` and ``arrival_hz`` (frames segmented, frames that came) and ``latency_p95_ms`` are
    None until the window that they are taken over is full, the latter also without results.
    ``findings`` are (level, sentence) that others made.
    """

    silence_s: float
    image_topic: str
    input_problem: str
    recent_error: str
    some_segmented: bool
    any_frame: bool
    unwatched: bool
    rate_hz: Optional[float]
    arrival_hz: Optional[float]
    latency_p95_ms: Optional[float]
    clock_stands: bool
    findings: Tuple[Finding, ...]


def worst(findings: Iterable[Finding], otherwise: str) -> Finding:
    """Return the highest level of (level, sentence) pairs and their sentences, worst first."""
    found = sorted(findings, key=lambda finding: -_SEVERITY.index(finding[0]))
    if not found:
        return OK, otherwise
    return found[0][0], '; '.join(sentence for _, sentence in found)


def judge(condition: Condition, limits: Limits) -> Finding:
    """Return the level and the sentence for an active node."""
    level, sentence = worst(_findings(condition, limits), _occupation(condition))
    return level, sentence + ('; /clock stands still' if condition.clock_stands else '')


def _occupation(condition: Condition) -> str:
    if not condition.any_frame:
        return 'waiting for the first frame'
    if condition.unwatched:
        return 'idle: nobody subscribes to the results'
    return 'segmenting'


def _findings(condition: Condition, limits: Limits) -> Iterator[Finding]:
    yield from condition.findings
    if condition.input_problem:
        yield WARN, condition.input_problem
    elif limits.no_image_timeout and condition.silence_s > limits.no_image_timeout:
        # Rate and errors are those of a camera that is gone.
        yield STALE, f'no frame for {condition.silence_s:.0f} s on {condition.image_topic}'
        return
    if condition.recent_error and condition.some_segmented:
        yield WARN, f'some frames cannot be segmented: {condition.recent_error}'
    elif condition.recent_error:
        yield ERROR, f'no frame can be segmented: {condition.recent_error}'
    elif not condition.unwatched:
        yield from _pace(condition, limits)


def _pace(condition: Condition, limits: Limits) -> Iterator[Finding]:
    rate, arrival = condition.rate_hz, condition.arrival_hz
    target = limits.target_rate_hz
    # A camera that is slower than the target is no fault of the node.
    if (target and rate is not None and arrival is not None
            and rate < _RATE_TOLERANCE * min(target, arrival)):
        yield WARN, (f'{rate:.1f} frames/s segmented, the target is {target:g} and '
                     f'{arrival:.1f} come')
    latency, budget = condition.latency_p95_ms, limits.latency_budget_ms
    if budget and latency is not None and latency > budget:
        yield WARN, f'latency p95 is {latency:.0f} ms, the budget {budget:g}'
