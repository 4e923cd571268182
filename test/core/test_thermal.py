"""Temperature and throttling from the kernel's files: a folder stands in for /sys."""
from __future__ import annotations

import pytest

from effvit_ros.core.thermal import ThermalMonitor

CPU = 'devices/system/cpu'


@pytest.fixture
def sysfs(tmp_path):
    """Return a function that writes files under the stand-in's root."""
    def write(folder, **files):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (tmp_path / folder / name).write_text(f'{text}\n', encoding='utf-8')
    write.root = tmp_path
    return write


def zone(sysfs, number, name, millidegrees):
    sysfs(f'class/thermal/thermal_zone{number}', type=name, temp=millidegrees)


def test_a_machine_without_sensors_has_no_temperature(sysfs):
    reading = ThermalMonitor(sysfs.root).read()
    assert (reading.celsius, reading.sensor, reading.frequency_cap, reading.throttling) == (
        None, '', None, ())


def test_this_machine_can_be_read():
    celsius = ThermalMonitor().read().celsius
    assert celsius is None or -40 <= celsius <= 150


@pytest.mark.parametrize('zones, expected', [
    pytest.param([('CPU-therm', 41500), ('GPU-therm', 43000)], (43.0, 'GPU-therm'), id='hottest'),
    pytest.param([('CPU-therm', 41500), ('PMIC-Die', 100000)], (41.5, 'CPU-therm'),
                 id='a zone that is constant'),
    pytest.param([('CPU-therm', 41500), ('iwlwifi_1', -274000)], (41.5, 'CPU-therm'),
                 id='a zone that is off'),
    pytest.param([('CPU-therm', 41500), ('cv0-thermal', '')], (41.5, 'CPU-therm'),
                 id='a zone that gives nothing'),
    pytest.param([('CPU-therm', 41500), ('acpitz', 255000)], (41.5, 'CPU-therm'),
                 id='a value that cannot be'),
    pytest.param([('outside', -20000)], (-20.0, 'outside'), id='a cold day'),
])
def test_the_highest_plausible_temperature_counts(sysfs, zones, expected):
    for number, (name, millidegrees) in enumerate(zones):
        zone(sysfs, number, name, millidegrees)
    reading = ThermalMonitor(sysfs.root).read()
    assert (reading.celsius, reading.sensor) == expected


def test_hwmon_counts_where_it_is_a_processors(sysfs):
    sysfs('class/hwmon/hwmon0', name='nvme', temp1_input=84000)
    sysfs('class/hwmon/hwmon1', name='coretemp', temp1_input=55000, temp1_label='Package id 0',
          temp2_input=54000)
    reading = ThermalMonitor(sysfs.root).read()
    assert (reading.celsius, reading.sensor) == (55.0, 'coretemp Package id 0')


@pytest.mark.parametrize('kind, state, expected', [
    ('thermal-cpufreq-0', 0, ()),
    ('thermal-cpufreq-0', 3, ('thermal-cpufreq-0 cooling at 3 of 9',)),
    ('Processor', 1, ('Processor cooling at 1 of 9',)),
    ('pwm-fan', 3, ()),
    ('intel_powerclamp', -1, ()),
])
def test_a_cooling_device_in_force_that_slows_a_processor_is_throttling(
        sysfs, kind, state, expected):
    sysfs('class/thermal/cooling_device0', type=kind, cur_state=state, max_state=9)
    assert ThermalMonitor(sysfs.root).read().throttling == expected


def test_a_frequency_limit_that_falls_is_throttling_and_one_from_the_start_a_power_mode(sysfs):
    policy = f'{CPU}/cpufreq/policy0'
    sysfs(policy, scaling_max_freq=1600000, cpuinfo_max_freq=2000000)
    monitor = ThermalMonitor(sysfs.root)
    reading = monitor.read()
    assert (reading.frequency_cap, reading.throttling) == (0.8, ())
    sysfs(policy, scaling_max_freq=1200000)
    reading = monitor.read()
    assert (reading.frequency_cap, reading.throttling) == (
        0.6, ('policy0 limited to 1200 of 1600 MHz',))
    sysfs(policy, scaling_max_freq=1600000)
    assert monitor.read().throttling == ()


def test_a_throttle_counter_that_rises_is_throttling_until_it_rests(sysfs):
    counter = f'{CPU}/cpu0/thermal_throttle'
    sysfs(counter, core_throttle_count=5, package_throttle_count=7)
    monitor = ThermalMonitor(sysfs.root)
    assert monitor.read().throttling == ()
    sysfs(counter, core_throttle_count=6)
    assert monitor.read().throttling == ('the processor throttles itself',)
    assert monitor.read().throttling == ()
