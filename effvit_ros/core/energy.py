"""
What the machine draws, from the files under ``/sys``: RAPL, INA3221 and other power sensors.

RAPL (Documentation/power/powercap) counts the energy of processor packages; since Linux 5.10 only
root may read it. INA3221 (Documentation/hwmon/ina3221.rst, and JetPack 4's own driver) sits on
Jetson boards; power_meter (acpi_power_meter) in servers. The first that is there and readable is
taken: the whole board before the processor alone. Where there is none, nothing is said.
"""
from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Sequence, Tuple, Union

#: Rails of an INA3221 through which the whole board is fed; where there is none, all are added.
_WHOLE_BOARD = ('VDD_IN', 'POM_5V_IN', 'VDD_5V_IN')
#: Channels that nothing hangs on, or that add up others.
_NO_RAIL = ('', 'NC', 'sum of shunt voltages')
#: Seconds between two looks at a sensor of power; energy is counted exactly at any pace.
_PERIOD_S = 0.2
#: Returns watts, None where it can't be read now.
_Sensor = Callable[[], Optional[float]]


class EnergyMeter:
    """
    Counts joules from its creation on; used from one thread.

    ``source`` says what is measured, '' where nothing can be.
    """

    def __init__(self, root: Union[str, Path] = '/sys',
                 clock: Callable[[], float] = time.monotonic) -> None:
        """Look under ``root``, where sysfs is mounted, for what can be read."""
        self._clock = clock
        self.source, self._watts, self._counters = _find(Path(root))
        self._joules = 0.0
        self._last = {counter: counter.read() for counter in self._counters}
        self._looked_at, self._last_watts = clock(), self._watts()

    def joules(self) -> Optional[float]:
        """Return the joules so far, None where nothing can be measured."""
        if not self.source:
            return None
        for counter in self._counters:
            present = counter.read()
            self._joules += counter.between(self._last[counter], present)
            self._last[counter] = present
        if not self._counters:
            now, watts = self._clock(), self._watts()
            self._joules += (now - self._looked_at) * (watts + self._last_watts) / 2
            self._looked_at, self._last_watts = now, watts
        return self._joules


class Energy:
    """``joules`` of a block of work that took ``seconds``; None until it ends, or unknown."""

    def __init__(self) -> None:
        """Start unknown; ``source`` says what is measured."""
        self.joules: Optional[float] = None
        self.seconds: Optional[float] = None
        self.source = ''

    @property
    def watts(self) -> Optional[float]:
        """Return the mean power, None where unknown."""
        return self.joules / self.seconds if self.joules is not None and self.seconds else None

    def per(self, frames: int, seconds: float) -> Optional[float]:
        """Return joules per frame, None where unknown, of frames that ``seconds`` of it gave."""
        return self.watts * seconds / frames if self.watts is not None and frames else None


@contextlib.contextmanager
def measured_energy(root: Union[str, Path] = '/sys') -> Iterator[Energy]:
    """Measure what the machine draws during the block; yields an :class:`Energy`."""
    energy, meter, began = Energy(), EnergyMeter(root), time.monotonic()
    energy.source = meter.source
    if not meter.source:
        yield energy
        return
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_PERIOD_S):
            meter.joules()
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield energy
    finally:
        ended.set()
        thread.join()
        energy.joules, energy.seconds = meter.joules(), time.monotonic() - began


class _Counter:
    """A RAPL zone's counter of microjoules, which begins again at its range."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / 'energy_uj'
        self._range = _number(folder / 'max_energy_range_uj') or 0

    def read(self) -> Optional[float]:
        return _number(self._file)

    def between(self, before: Optional[float], after: Optional[float]) -> float:
        """Return the joules from one reading to a later one."""
        if before is None or after is None:
            return 0.0
        wrapped = self._range if after < before else 0
        return (after - before + wrapped) * 1e-6


def _find(root: Path) -> Tuple[str, Callable[[], float], Sequence[_Counter]]:
    """Return (source, function that returns watts, counters)."""
    for find in (_ina3221, _power_meter):
        source, sensors = find(root)
        if sensors:
            def watts(sensors: Sequence[_Sensor] = sensors) -> float:
                return sum(sensor() or 0.0 for sensor in sensors)
            return source, watts, ()
    zones = [zone for zone in sorted(root.glob('class/powercap/intel-rapl:*'))
             if _text(zone / 'name').startswith('package') and _number(zone / 'energy_uj')]
    names = ', '.join(_text(zone / 'name') for zone in zones)
    return (f'RAPL {names}' if zones else ''), lambda: 0.0, [_Counter(zone) for zone in zones]


def _ina3221(root: Path) -> Tuple[str, List[_Sensor]]:
    rails = {}
    for chip in root.glob('class/hwmon/hwmon*'):
        if _text(chip / 'name') == 'ina3221':
            for label in chip.glob('in*_label'):
                number = label.name[2:-6]
                current = chip / f'curr{number}_input'
                if _number(current) is not None:
                    rails[_text(label)] = _product(chip / f'in{number}_input', current)
    for label in root.glob('bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_*'):
        power = label.with_name(f"in_power{label.name[len('rail_name_'):]}_input")
        if _number(power) is not None:
            rails[_text(label)] = _scaled(power, 1e-3)
    rails = {name: rail for name, rail in rails.items() if name not in _NO_RAIL}
    for name in _WHOLE_BOARD:
        if name in rails:
            return f'INA3221 {name}', [rails[name]]
    return f"INA3221 {', '.join(sorted(rails))}", list(rails.values())


def _power_meter(root: Path) -> Tuple[str, List[_Sensor]]:
    for chip in sorted(root.glob('class/hwmon/hwmon*')):
        for name in ('power1_average', 'power1_input'):
            if _text(chip / 'name') == 'power_meter' and _number(chip / name) is not None:
                return 'power_meter', [_scaled(chip / name, 1e-6)]
    return '', []


def _product(millivolts: Path, milliamperes: Path) -> _Sensor:
    def watts() -> Optional[float]:
        voltage, current = _number(millivolts), _number(milliamperes)
        return None if voltage is None or current is None else voltage * current * 1e-6
    return watts


def _scaled(path: Path, factor: float) -> _Sensor:
    def watts() -> Optional[float]:
        value = _number(path)
        return None if value is None else value * factor
    return watts


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8', errors='replace').strip()
    except OSError:
        return ''


def _number(path: Path) -> Optional[float]:
    try:
        return float(path.read_text())
    except (OSError, ValueError):
        return None
