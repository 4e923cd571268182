"""What the status of the machine says, for readings of the kernel's files made up here."""
from __future__ import annotations

import pytest

from effvit_ros.core.energy import EnergyMeter
from effvit_ros.core.process_usage import ProcessUsage
from effvit_ros.core.thermal import ThermalMonitor
from effvit_ros.ros.health.level import ERROR, OK, WARN
from effvit_ros.ros.health.machine import MachineHealth, MachineLimits

LIMITS = MachineLimits(warn_temperature_c=85.0, error_temperature_c=95.0, max_memory_mb=500)


class Machine:
    """A sysfs of one thermal zone and one cooling device, and the numbers of /proc."""

    def __init__(self, folder):
        self.zone = folder / 'class' / 'thermal' / 'thermal_zone0'
        self.cooler = folder / 'class' / 'thermal' / 'cooling_device0'
        for path, name in ((self.zone, 'CPU-therm'), (self.cooler, 'cpufreq-cpu0')):
            path.mkdir(parents=True)
            (path / 'type').write_text(name + '\n')
        (self.cooler / 'max_state').write_text('10\n')
        self.usage = ProcessUsage(rss_mb=300.4, shared_mb=64.0, fds=40, threads=12, cpu_s=10.0)
        self.available = 2000
        self.set()
        self.health = MachineHealth(
            ThermalMonitor(folder), lambda: self.available, lambda: self.usage,
            EnergyMeter(folder))

    def set(self, celsius=50.0, cooling=0, available=2000, **usage):
        (self.zone / 'temp').write_text(f'{celsius * 1000:.0f}\n')
        (self.cooler / 'cur_state').write_text(f'{cooling}\n')
        self.available = available
        self.usage = self.usage._replace(**usage)


@pytest.fixture
def machine(tmp_path):
    """Return a cool machine with memory to spare."""
    return Machine(tmp_path)


@pytest.mark.parametrize('change, level, message', [
    pytest.param({}, OK, 'fine', id='nothing'),
    pytest.param({'celsius': 84.9}, OK, 'fine', id='warm'),
    pytest.param({'celsius': 85.0}, WARN, '85 C at CPU-therm, the limit is 85 C', id='hot'),
    pytest.param({'celsius': 96.0}, ERROR, '96 C at CPU-therm, the limit is 95 C',
                 id='too-hot'),
    pytest.param({'cooling': 3}, WARN, 'slowed down: cpufreq-cpu0 cooling at 3 of 10',
                 id='throttled'),
    pytest.param({'rss_mb': 500.0}, OK, 'fine', id='memory-at-the-limit'),
    pytest.param({'rss_mb': 612.0}, WARN,
                 'this process has 612 MB of memory, max_memory_mb is 500',
                 id='memory-over-the-limit'),
    pytest.param({'available': 150}, WARN, 'the machine has 150 MB of memory left',
                 id='machine-short-of-memory'),
    pytest.param({'available': 40}, ERROR, 'the machine has 40 MB of memory left',
                 id='machine-out-of-memory'),
    pytest.param({'celsius': 86.0, 'available': 40}, ERROR,
                 'the machine has 40 MB of memory left; 86 C at CPU-therm, the limit is 85 C',
                 id='the-worst-comes-first'),
])
def test_level_and_message(machine, change, level, message):
    machine.set(**change)
    report = machine.health.report(1.0, LIMITS)
    assert (report.level, report.message) == (level, message)


def test_without_limits_heat_and_own_memory_are_told_and_not_judged(machine):
    machine.set(celsius=120.0, rss_mb=9000.0)
    report = machine.health.report(1.0)
    assert (report.level, dict(report.values)['temperature_c']) == (OK, '120')


def test_values(machine):
    machine.set(celsius=61.4, cooling=2)
    values = dict(machine.health.report(1.0, LIMITS).values)
    assert values.pop('board')
    assert values == {
        'temperature_c': '61', 'temperature_sensor': 'CPU-therm',
        'throttled': 'cpufreq-cpu0 cooling at 2 of 10', 'frequency_cap_percent': '',
        'rss_mb': '300', 'memory_available_mb': '2000', 'cpu_percent': '', 'threads': '12',
        'open_files': '40'}


def test_cpu_time_is_that_since_the_last_look(machine):
    machine.health.report(100.0)
    machine.set(cpu_s=13.0)
    assert dict(machine.health.report(102.0).values)['cpu_percent'] == '150'


def test_power_is_told_by_the_frame_where_a_sensor_tells(tmp_path):
    zone = tmp_path / 'class' / 'powercap' / 'intel-rapl:0'
    zone.mkdir(parents=True)
    (zone / 'name').write_text('package-0\n')
    (zone / 'energy_uj').write_text('1000000\n')
    health = Machine(tmp_path).health
    keys = ('power_w', 'power_source', 'joules_per_frame')

    def told(steady_s, frames, energy_uj):
        (zone / 'energy_uj').write_text(f'{energy_uj}\n')
        values = dict(health.report(steady_s, frames=frames).values)
        return tuple(values[key] for key in keys)
    assert told(100.0, 50, 1_000_000) == ('', 'RAPL package-0', '')
    assert told(102.0, 70, 7_000_000) == ('3.00', 'RAPL package-0', '0.300')
    assert told(103.0, 70, 9_000_000) == ('2.00', 'RAPL package-0', '')


def test_a_machine_without_sensors_is_fine(tmp_path):
    health = MachineHealth(ThermalMonitor(tmp_path), lambda: None)
    report = health.report(1.0, MachineLimits())
    values = dict(report.values)
    assert (report.level, values['temperature_c'], values['memory_available_mb']) == (OK, '', '')
    # The process itself is really looked at.
    assert 10 < int(values['rss_mb']) < 10_000
