"""How a bag is to be played."""
from __future__ import annotations

from typing import Mapping, NamedTuple, Optional, Tuple


class Plan(NamedTuple):
    """
    How a bag is played.

    ``rate``: times as fast as recorded. ``start``, ``end``: seconds of the bag's time from its
    beginning. ``duration``: seconds of real time. ``topics``: empty for all. ``wait_for``: a
    topic that must have a subscriber first, or ''. ``names``: those under which topics are
    published, by their names in the bag, where another is wanted.
    """

    rate: float = 1.0
    start: float = 0.0
    end: Optional[float] = None
    duration: Optional[float] = None
    loop: bool = False
    clock_hz: float = 100.0
    topics: Tuple[str, ...] = ()
    wait_for: str = ''
    names: Mapping[str, str] = {}
