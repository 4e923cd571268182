"""The second status on /diagnostics: temperature, throttling, memory and CPU time."""
from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Callable, Iterator, Optional, Tuple

from effvit_ros.core.energy import EnergyMeter
from effvit_ros.core.machine import board_name, cpu_model, free_memory_mb
from effvit_ros.core.process_usage import process_usage, ProcessUsage
from effvit_ros.core.thermal import ThermalMonitor, ThermalReading
from effvit_ros.ros.health.health import HealthStatus
from effvit_ros.ros.health.level import ERROR, Finding, WARN, worst

#: MB of memory left to the whole machine below which things are slow, then killed.
LITTLE_MEMORY_MB, NO_MEMORY_MB = 200, 50


@dataclass(frozen=True)
class MachineLimits:
    """The operator's limits, as the parameters of the same names say; 0 never warns."""

    warn_temperature_c: float = 0.0
    error_temperature_c: float = 0.0
    max_memory_mb: int = 0


class MachineHealth:
    """
    Looks at the machine and at this process.

    ``available_mb`` and ``usage`` are called for the memory left and for this process's
    :class:`~effvit_ros.core.process_usage.ProcessUsage`; ``energy`` is an
    :class:`~effvit_ros.core.energy.EnergyMeter`.
    """

    def __init__(self, thermal: Optional[ThermalMonitor] = None,
                 available_mb: Callable[[], Optional[int]] = free_memory_mb,
                 usage: Callable[[], ProcessUsage] = lambda: process_usage(os.getpid()),
                 energy: Optional[EnergyMeter] = None) -> None:
        """Note what the next look is compared with."""
        self._thermal = thermal or ThermalMonitor()
        self._available_mb = available_mb
        self._usage = usage
        self._board = board_name() or cpu_model()
        self._last_cpu: Optional[Tuple[float, float]] = None
        self._energy = energy or EnergyMeter()
        self._last_energy: Optional[Tuple[float, float, int]] = None

    def report(self, steady_s: float, limits: MachineLimits = MachineLimits(),
               frames: int = 0) -> HealthStatus:
        """
        Take one look and return its :class:`~effvit_ros.ros.health.health.HealthStatus`.

        :param steady_s: seconds of a clock that never jumps.
        :param frames: segmented so far.
        """
        reading, usage, available = self._thermal.read(), self._usage(), self._available_mb()
        level, message = worst(_findings(reading, usage, available, limits), 'fine')
        cpu = self._cpu_percent(steady_s, usage.cpu_s)
        return HealthStatus(level, message, (
            ('board', self._board),
            ('temperature_c', _number(reading.celsius)),
            ('temperature_sensor', reading.sensor),
            ('throttled', '; '.join(reading.throttling) or 'no'),
            ('frequency_cap_percent', _number(reading.frequency_cap, 100)),
            ('rss_mb', _number(usage.rss_mb)),
            ('memory_available_mb', _number(available)),
            ('cpu_percent', _number(cpu)),
            ('threads', str(usage.threads)),
            ('open_files', str(usage.fds)), *self._power(steady_s, frames)))

    def _power(self, steady_s: float, frames: int) -> Tuple[Tuple[str, str], ...]:
        """Return what is drawn since the last look; nothing where no sensor tells."""
        joules = self._energy.joules()
        if joules is None:
            return ()
        last, self._last_energy = self._last_energy, (steady_s, joules, frames)
        watts = per_frame = ''
        if last is not None and steady_s > last[0]:
            watts = f'{(joules - last[1]) / (steady_s - last[0]):.2f}'
            if frames > last[2]:
                per_frame = f'{(joules - last[1]) / (frames - last[2]):.3f}'
        return (('power_w', watts), ('power_source', self._energy.source),
                ('joules_per_frame', per_frame))

    def _cpu_percent(self, steady_s: float, cpu_s: float) -> Optional[float]:
        last, self._last_cpu = self._last_cpu, (steady_s, cpu_s)
        if last is None or steady_s <= last[0]:
            return None
        return 100 * (cpu_s - last[1]) / (steady_s - last[0])


def _findings(reading: ThermalReading, usage: ProcessUsage, available_mb: Optional[int],
              limits: MachineLimits) -> Iterator[Finding]:
    celsius = reading.celsius
    if celsius is not None:
        for level, limit in ((ERROR, limits.error_temperature_c),
                             (WARN, limits.warn_temperature_c)):
            if limit and celsius >= limit:
                yield level, f'{celsius:.0f} C at {reading.sensor}, the limit is {limit:g} C'
                break
    if reading.throttling:
        yield WARN, f'slowed down: {", ".join(reading.throttling)}'
    if limits.max_memory_mb and usage.rss_mb > limits.max_memory_mb:
        yield WARN, (f'this process has {usage.rss_mb:.0f} MB of memory, '
                     f'max_memory_mb is {limits.max_memory_mb}')
    if available_mb is not None and available_mb < LITTLE_MEMORY_MB:
        level = ERROR if available_mb < NO_MEMORY_MB else WARN
        yield level, f'the machine has {available_mb} MB of memory left'


def _number(value: Optional[float], factor: float = 1) -> str:
    return '' if value is None else f'{value * factor:.0f}'
