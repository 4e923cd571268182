"""
How many frames a second a machine may be given so that it stays within its limits.

The law, taken once a second: too much CPU time or too hot, and the rate falls at once, by the
share that is too much; ten seconds well within the limits, and it rises by a quarter. So it
falls fast, rises slowly and never swings: it rises only where the higher rate is expected to
fit, too.
"""
from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Deque, Optional, Tuple

#: Frames a second that are always given: slower than that, labels are of no use.
LOWEST_RATE_HZ = 1.0
#: Seconds over which CPU time is averaged, and the fewest that a verdict takes.
CPU_WINDOW_S, CPU_VERDICT_S = 3, 2
#: Share of the CPU limit that a lowered rate aims at.
CPU_AIM = 0.95
#: The least and the most that is left of the rate in one step down for CPU time.
CPU_STEPS = (0.25, 0.9)
#: What is left of the rate in one step down for heat, and seconds that such a step needs to show.
HEAT_STEP, HEAT_SETTLES_S = 0.8, 5
#: Degrees below the limit at which it counts as cool.
COOL_C = 3.0
#: One step up, and seconds well within the limits before it.
RISE, RISE_AFTER_S = 1.25, 10


@dataclass(frozen=True)
class Ceilings:
    """The operator's limits, as the parameters of the same names say; 0 sets none."""

    #: Percent of the whole machine's CPU time.
    max_cpu: float = 0.0
    #: Degrees Celsius.
    max_temperature: float = 0.0


@dataclass(frozen=True)
class Load:
    """One second of the node."""

    #: Percent of the whole machine's CPU time that the process used.
    cpu_percent: float
    #: The machine's highest temperature; None where it has no sensor.
    celsius: Optional[float]
    #: Frames a second that would be given without a governor.
    wanted_hz: float
    #: Frames a second that were given and worked on.
    done_hz: float


class Governor:
    """The control law with its state: feed it once a second."""

    def __init__(self) -> None:
        """Start without a limit."""
        #: Frames a second that may be given; None while there is no limit.
        self.rate_hz: Optional[float] = None
        #: Which ceiling the rate was last lowered for, in words; '' while there is no limit.
        self.reason = ''
        self._since_heat = HEAT_SETTLES_S
        self._release()

    def step(self, load: Load, ceilings: Ceilings) -> None:
        """Set :attr:`rate_hz` and :attr:`reason` by the last second's :class:`Load`."""
        self._since_heat += 1
        self._cpu.append(load.cpu_percent)
        cpu = sum(self._cpu) / len(self._cpu)
        if not (ceilings.max_cpu or ceilings.max_temperature):
            self._release()
            return
        share, reason = self._excess(cpu, load.celsius, ceilings)
        if share is not None:
            self._calm = 0
            if load.done_hz > 0:
                self._lower(share, load.done_hz)
                self.reason = reason
            return
        self._calm = self._calm + 1 if _fits_more(cpu, load.celsius, ceilings) else 0
        # Without frames there is nothing to learn: the limit stays for when they come again.
        if self.rate_hz is not None and self._calm >= RISE_AFTER_S and load.wanted_hz > 0:
            self._calm = 0
            self.rate_hz *= RISE
            self._cpu.clear()
            if self.rate_hz >= load.wanted_hz:
                self._release()

    def _release(self) -> None:
        self.rate_hz, self.reason = None, ''
        self._cpu: Deque[float] = deque(maxlen=CPU_WINDOW_S)
        self._calm = 0
        self._since_heat = HEAT_SETTLES_S

    def _excess(self, cpu: float, celsius: Optional[float],
                ceilings: Ceilings) -> Tuple[Optional[float], str]:
        """Return what share of the rate may be kept and why, or (None, '') to keep all."""
        share, reason = None, ''
        limit = ceilings.max_cpu
        if limit and cpu > limit and len(self._cpu) >= CPU_VERDICT_S:
            share = min(max(CPU_AIM * limit / cpu, CPU_STEPS[0]), CPU_STEPS[1])
            reason = f'max_cpu: {cpu:.0f} % of the machine, the limit is {limit:g}'
        limit = ceilings.max_temperature
        if limit and celsius is not None and celsius > limit and (
                self._since_heat >= HEAT_SETTLES_S) and (share is None or share > HEAT_STEP):
            share = HEAT_STEP
            reason = f'max_temperature: {celsius:.0f} C, the limit is {limit:g}'
            self._since_heat = 0
        return share, reason

    def _lower(self, share: float, done_hz: float) -> None:
        present = done_hz if self.rate_hz is None else min(self.rate_hz, done_hz)
        lowest = min(LOWEST_RATE_HZ, present)
        self.rate_hz = max(share * present, lowest)
        self._cpu.clear()


def _fits_more(cpu: float, celsius: Optional[float], ceilings: Ceilings) -> bool:
    """Return whether one step up would stay within the limits."""
    if ceilings.max_cpu and cpu * RISE > ceilings.max_cpu:
        return False
    limit = ceilings.max_temperature
    return not (limit and celsius is not None and celsius > limit - COOL_C)
