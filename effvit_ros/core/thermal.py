"""
How hot the machine is and whether the kernel slows it down, from the files under ``/sys``.

The files are those of the kernel's documentation: ``thermal_zone*`` and ``cooling_device*`` of
Documentation/driver-api/thermal/sysfs-api.rst, ``temp*_input`` of Documentation/hwmon/
sysfs-interface.rst, cpufreq's ``scaling_max_freq`` and x86's ``thermal_throttle`` counters. Any
of them may be missing or unreadable (zones of parts that are switched off are): what can't be
read is left out.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, Optional, Tuple, Union

#: Degrees Celsius outside which a value is a driver's way of saying that it has none.
PLAUSIBLE_C = (-40.0, 150.0)
#: Zones that never change: the power chip of Jetson TX2 and Nano stands at 100 and 50 degrees.
_CONSTANT_ZONES = ('PMIC-Die',)
#: hwmon chips inside processors and GPUs. Others are left out: drives and radios have limits of
#: their own, and main boards report inputs that nothing is connected to.
_PROCESSOR_CHIPS = ('coretemp', 'k10temp', 'zenpower', 'amdgpu')
#: How cooling devices that slow a processor are named; fans are others.
_SLOWING_DEVICES = ('cpufreq', 'devfreq', 'Processor')


@dataclass(frozen=True)
class ThermalReading:
    """One look at the machine."""

    #: Highest temperature in degrees Celsius; None where the machine has no sensor.
    celsius: Optional[float]
    #: The sensor that it came from, such as ``CPU-therm`` or ``coretemp Package id 0``.
    sensor: str
    #: Lowest share of its top frequency that a processor core may use; None where unknown.
    frequency_cap: Optional[float]
    #: Why the machine is being slowed down, one phrase a cause; empty while it is not.
    throttling: Tuple[str, ...]


class ThermalMonitor:
    """
    Reads the machine's temperature and throttling.

    Throttling means what happens against the operator's will: a cooling device of a processor
    in force, a throttle counter that rose since the last reading, or a frequency limit below
    that of the first reading. A lower limit from the start is a power mode somebody chose; it
    shows in ``frequency_cap`` alone.
    """

    def __init__(self, root: Union[str, Path] = '/sys') -> None:
        """Look under ``root``, where sysfs is mounted, and note the limits and counters there."""
        self._root = Path(root)
        self._first_limits = self._limits()
        self._counters = self._throttle_counters()

    def read(self) -> ThermalReading:
        """Return the present :class:`ThermalReading`; never raises."""
        celsius, sensor = max(self._temperatures(), default=(None, ''))
        limits = self._limits()
        caps = [limit / top for limit, top in limits.values()]
        throttling = [*self._cooling(), *self._lowered(limits), *self._counted()]
        return ThermalReading(
            celsius, sensor, min(caps, default=None), tuple(throttling))

    def _temperatures(self) -> Iterator[Tuple[float, str]]:
        for zone in self._root.glob('class/thermal/thermal_zone*'):
            name = _text(zone / 'type') or zone.name
            if name not in _CONSTANT_ZONES:
                yield from _celsius(zone / 'temp', name)
        for chip in self._root.glob('class/hwmon/hwmon*'):
            name = _text(chip / 'name')
            if name in _PROCESSOR_CHIPS:
                for value in chip.glob('temp*_input'):
                    label = _text(value.with_name(value.name.replace('_input', '_label')))
                    yield from _celsius(value, f'{name} {label}'.strip())

    def _cooling(self) -> Iterator[str]:
        for device in sorted(self._root.glob('class/thermal/cooling_device*')):
            name, state = _text(device / 'type'), _number(device / 'cur_state')
            if state is not None and state > 0 and any(s in name for s in _SLOWING_DEVICES):
                yield f'{name} cooling at {state} of {_text(device / "max_state") or "?"}'

    def _limits(self) -> Dict[str, Tuple[int, int]]:
        """Return (limit, top) in kHz of every cpufreq policy, by its folder's name."""
        limits = {}
        for policy in sorted(self._root.glob('devices/system/cpu/cpufreq/policy*')):
            limit, top = (_number(policy / name)
                          for name in ('scaling_max_freq', 'cpuinfo_max_freq'))
            if limit and top:
                limits[policy.name] = limit, top
        return limits

    def _lowered(self, limits: Dict[str, Tuple[int, int]]) -> Iterator[str]:
        for name, (limit, _) in limits.items():
            first, _ = self._first_limits.setdefault(name, limits[name])
            if limit < first:
                yield f'{name} limited to {limit // 1000} of {first // 1000} MHz'

    def _throttle_counters(self) -> Dict[str, int]:
        found = {}
        for counter in self._root.glob(
                'devices/system/cpu/cpu[0-9]*/thermal_throttle/*_throttle_count'):
            count = _number(counter)
            if count is not None:
                found[str(counter)] = count
        return found

    def _counted(self) -> Iterator[str]:
        before, self._counters = self._counters, self._throttle_counters()
        if any(count > before.get(name, count) for name, count in self._counters.items()):
            yield 'the processor throttles itself'


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8', errors='replace').strip()
    except OSError:
        return ''


def _number(path: Path) -> Optional[int]:
    try:
        return int(_text(path))
    except ValueError:
        return None


def _celsius(path: Path, name: str) -> Iterator[Tuple[float, str]]:
    """Yield (degrees Celsius, name), or nothing where there is no plausible value."""
    millidegrees = _number(path)
    if millidegrees is not None and PLAUSIBLE_C[0] <= millidegrees / 1000 <= PLAUSIBLE_C[1]:
        yield millidegrees / 1000, name
