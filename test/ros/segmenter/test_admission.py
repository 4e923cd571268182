"""Which frames are let in, by the parameters and by the governor."""
from __future__ import annotations

import logging

import pytest

from effvit_ros.core.governor import Ceilings
from effvit_ros.core.thermal import ThermalReading
from effvit_ros.ros.health.health import Health
from effvit_ros.ros.health.level import OK, WARN
from effvit_ros.ros.segmenter.admission import Admission, operators_rate, target_rate
from effvit_ros.ros.segmenter.parameters import SEGMENTER_PARAMETERS


class Settings(dict):
    """The node's parameters, all of them at their defaults but for some."""

    def __init__(self, **changes):
        super().__init__({row.name: row.default for row in SEGMENTER_PARAMETERS}, **changes)

    def read(self, kind):
        return Ceilings(self['max_cpu'], self['max_temperature'])


class Thermometer:
    """Shows what it is told to."""

    def __init__(self, celsius):
        self.celsius = celsius

    def read(self):
        return ThermalReading(self.celsius, 'CPU-therm', None, ())


@pytest.fixture
def health():
    health = Health()
    health.enter('active', 100.0)
    return health


@pytest.mark.parametrize('settings, rate, reason, target', [
    pytest.param({}, 0.0, '', 0.0, id='nothing set'),
    pytest.param({'max_rate': 10.0}, 10.0, 'max_rate', 0.0, id='a ceiling is no target'),
    pytest.param({'target_rate_hz': 10.0}, 10.0, 'target_rate_hz', 10.0, id='a target is both'),
    pytest.param({'target_rate_hz': 10.0, 'max_rate': 5.0}, 5.0, 'max_rate', 5.0,
                 id='a ceiling lowers the target'),
    pytest.param({'low_power_rate': 2.0}, 0.0, '', 0.0, id='low power is off'),
    pytest.param({'low_power_rate': 2.0, 'low_power': True, 'target_rate_hz': 10.0},
                 2.0, 'low_power_rate', 2.0, id='low power is on'),
    pytest.param({'low_power': True, 'max_rate': 5.0}, 5.0, 'max_rate', 0.0,
                 id='low power without a rate'),
])
def test_the_operators_rate_is_the_lowest_that_is_set(settings, rate, reason, target):
    settings = Settings(**settings)
    assert operators_rate(settings) == (rate, reason)
    assert target_rate(settings) == target


def admission(health, monkeypatch, celsius, **settings):
    monkeypatch.setattr('effvit_ros.ros.segmenter.admission.ThermalMonitor',
                        lambda: Thermometer(celsius))
    return Admission(Settings(**settings), health, logging.getLogger('segmenter'))


def second(admission, frames=30):
    """Let a second's frames in; returns how many were admitted."""
    return sum(admission.admits(i / frames) for i in range(frames))


def values(health):
    return dict(health.report(101.0).values)


def test_a_hot_machine_is_told_of_and_spared(health, monkeypatch):
    admitted = admission(health, monkeypatch, 90.0, max_temperature=80.0)
    assert second(admitted) == 30
    admitted.look(loading=False)
    report = health.report(101.0)
    assert report.level == WARN
    assert 'frames/s for max_temperature: 90 C, the limit is 80' in report.message
    assert values(health)['limited_by'] == 'max_temperature: 90 C, the limit is 80'


def test_a_low_power_rate_below_the_governors_holds(health, monkeypatch):
    admitted = admission(health, monkeypatch, 90.0, max_temperature=80.0, low_power=True,
                         low_power_rate=0.5)
    second(admitted)
    admitted.look(loading=False)
    assert (values(health)['admitted_hz'], values(health)['limited_by']) == (
        '0.5', 'low_power_rate')
    assert health.report(101.0).level == OK


def test_loading_a_model_is_not_held_against_the_frames(health, monkeypatch):
    admitted = admission(health, monkeypatch, 90.0, max_temperature=80.0)
    second(admitted)
    admitted.look(loading=True)
    assert values(health)['admitted_hz'] == 'all'


def test_a_machine_without_a_thermometer_says_so_once(health, monkeypatch, caplog):
    admitted = admission(health, monkeypatch, None, max_temperature=80.0)
    for _ in range(3):
        second(admitted)
        admitted.look(loading=False)
    assert [r.message for r in caplog.records] == [
        'max_temperature has no effect: this machine shows no temperature']


def test_a_reset_lifts_the_limit(health, monkeypatch):
    admitted = admission(health, monkeypatch, 90.0, max_temperature=80.0)
    second(admitted)
    admitted.look(loading=False)
    admitted.reset()
    assert 'limited_by' not in values(health)
    assert health.report(101.0).level == OK
    assert second(admitted) == 30
