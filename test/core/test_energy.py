"""Joules out of made trees of sysfs, counted by hand."""
from __future__ import annotations

import pytest

from effvit_ros.core.energy import Energy, EnergyMeter, measured_energy


def tree(root, files):
    """Write files below ``root`` and return it."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f'{content}\n')
    return root


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


def rapl(energy_uj, name='package-0', zone='intel-rapl:0'):
    return {f'class/powercap/{zone}/name': name,
            f'class/powercap/{zone}/energy_uj': energy_uj,
            f'class/powercap/{zone}/max_energy_range_uj': 10_000_000}


ORIN = {'class/hwmon/hwmon3/name': 'ina3221', 'class/hwmon/hwmon3/in1_label': 'VDD_IN',
        'class/hwmon/hwmon3/in1_input': 5000, 'class/hwmon/hwmon3/curr1_input': 1200,
        'class/hwmon/hwmon3/in2_label': 'VDD_CPU_GPU_CV',
        'class/hwmon/hwmon3/in2_input': 5000, 'class/hwmon/hwmon3/curr2_input': 400}
AGX = {'class/hwmon/hwmon3/name': 'ina3221', 'class/hwmon/hwmon3/in1_label': 'VDD_GPU_SOC',
       'class/hwmon/hwmon3/in1_input': 20000, 'class/hwmon/hwmon3/curr1_input': 100,
       'class/hwmon/hwmon3/in2_label': 'VDD_CPU_CV',
       'class/hwmon/hwmon3/in2_input': 20000, 'class/hwmon/hwmon3/curr2_input': 50,
       'class/hwmon/hwmon3/in7_label': 'sum of shunt voltages',
       'class/hwmon/hwmon3/in3_label': 'NC', 'class/hwmon/hwmon3/in3_input': 1,
       'class/hwmon/hwmon3/curr3_input': 1}
NANO = {'bus/i2c/drivers/ina3221x/6-0040/iio:device0/rail_name_0': 'POM_5V_IN',
        'bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_power0_input': 4500}
SERVER = {'class/hwmon/hwmon0/name': 'power_meter',
          'class/hwmon/hwmon0/power1_average': 90_000_000}


@pytest.mark.parametrize('files, source, watts', [
    (ORIN, 'INA3221 VDD_IN', 6.0), (AGX, 'INA3221 VDD_CPU_CV, VDD_GPU_SOC', 3.0),
    (NANO, 'INA3221 POM_5V_IN', 4.5), (SERVER, 'power_meter', 90.0),
    ({**SERVER, **rapl(5)}, 'power_meter', 90.0),
], ids=['Orin Nano', 'AGX Orin', 'Nano', 'server', 'the whole machine before the processor'])
def test_a_sensor_of_power_is_added_up_over_time(files, source, watts, tmp_path):
    clock = Clock()
    meter = EnergyMeter(tree(tmp_path, files), clock)
    assert meter.source == source
    clock.now = 2.0
    assert meter.joules() == pytest.approx(2 * watts)
    clock.now = 2.5
    assert meter.joules() == pytest.approx(2.5 * watts)


def test_between_two_looks_power_changes_evenly(tmp_path):
    clock = Clock()
    meter = EnergyMeter(tree(tmp_path, ORIN), clock)
    tree(tmp_path, {'class/hwmon/hwmon3/curr1_input': 2000})
    clock.now = 1.0
    assert meter.joules() == pytest.approx((6 + 10) / 2)


def test_rapl_counts_packages_and_begins_again_at_its_range(tmp_path):
    files = {**rapl(9_000_000), **rapl(1_000_000, 'package-1', 'intel-rapl:1'),
             **rapl(7, 'core', 'intel-rapl:0:0')}
    meter = EnergyMeter(tree(tmp_path, files))
    assert meter.source == 'RAPL package-0, package-1'
    tree(tmp_path, {**rapl(1_000_000), **rapl(1_500_000, 'package-1', 'intel-rapl:1')})
    assert meter.joules() == pytest.approx(2.0 + 0.5)


@pytest.mark.parametrize('files', [
    {}, {'class/hwmon/hwmon0/name': 'coretemp'}, rapl('secret'),
    {'class/hwmon/hwmon3/name': 'ina3221', 'class/hwmon/hwmon3/in1_label': 'VDD_IN'},
], ids=['nothing', 'another chip', 'not readable', 'no current'])
def test_where_nothing_tells_nothing_is_said(files, tmp_path):
    meter = EnergyMeter(tree(tmp_path, files))
    assert (meter.source, meter.joules()) == ('', None)
    with measured_energy(tmp_path) as energy:
        pass
    assert (energy.joules, energy.watts, energy.per(10, 1.0), energy.source) == (
        None, None, None, '')


def test_a_sensor_that_falls_silent_does_not_raise(tmp_path):
    clock = Clock()
    meter = EnergyMeter(tree(tmp_path, ORIN), clock)
    (tmp_path / 'class/hwmon/hwmon3/in1_input').unlink()
    clock.now = 1.0
    assert meter.joules() == pytest.approx(3.0)


def test_a_block_of_work_has_its_joules_and_those_of_each_frame(tmp_path):
    tree(tmp_path, rapl(1_000_000))
    with measured_energy(tmp_path) as energy:
        assert energy.joules is None
        tree(tmp_path, rapl(4_000_000))
    assert energy.joules == pytest.approx(3.0)
    assert energy.watts == pytest.approx(3.0 / energy.seconds)
    assert energy.per(6, energy.seconds) == pytest.approx(0.5)
    assert energy.per(0, 1.0) is None and Energy().per(3, 1.0) is None


def test_frames_of_half_the_time_have_half_of_the_energy():
    energy = Energy()
    energy.joules, energy.seconds = 40.0, 4.0
    assert energy.per(10, 2.0) == pytest.approx(2.0)
