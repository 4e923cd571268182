"""What a soak takes down, second by second."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from effvit_ros.core.process_usage import ProcessUsage


class Sample(NamedTuple):
    """Both processes, ``at_s`` seconds after the first label map."""

    at_s: float
    segmenter: ProcessUsage
    camera: ProcessUsage


@dataclass
class Record:
    """
    All that was seen so far; times are seconds since the first label map.

    ``ages``: (arrival, milliseconds from the picture's stamp to the arrival) of each label map.
    ``errors``: what kind of error was seen how often; all zero in a good run.
    """

    samples: List[Sample] = field(default_factory=list)
    ages: List[Tuple[float, float]] = field(default_factory=list)
    frames_published: int = 0
    warnings: int = 0
    errors: Dict[str, int] = field(default_factory=dict)
    last_error: str = ''
    #: What the machine drew between the first sample and the last; None where nothing tells.
    joules: Optional[float] = None
    power_source: str = ''
    #: The segmenter's newest values on /diagnostics.
    diagnostics: Dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Return how long was watched."""
        return self.samples[-1].at_s if self.samples else 0.0

    def note_error(self, kind: str, text: str, count: int = 1) -> None:
        """Count errors of a ``kind`` and keep the newest in words."""
        self.errors[kind] = self.errors.get(kind, 0) + count
        self.last_error = text
