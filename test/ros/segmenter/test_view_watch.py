"""The alarm of another view: a look a second; told, taken back; silence where nothing is known."""
from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_bundle import write_tiny_bundle

from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.drift import LEAST, WINDOW
from effvit_ros.core.view import FEATURES, recorded
from effvit_ros.ros.health.health import Health
from effvit_ros.ros.health.level import OK, WARN
from effvit_ros.ros.segmenter.view_watch import ViewWatch

KNOWN, STRANGE = np.zeros(len(FEATURES)), np.full(len(FEATURES), 9.0)


class Flight:
    """A watch whose clock a test turns, and what /diagnostics would say."""

    def __init__(self, bundle):
        self.looks, self.now = 0, 0.0
        self.settings = {'view_alarm': True}
        self.health = Health()
        self.health.enter('active', 0.0)
        self.watch = ViewWatch(bundle, self.settings, self.health)

    def fly(self, numbers, seconds, rate=10):
        """Show frames of one kind."""
        def look():
            self.looks += 1
            return numbers
        for _ in range(seconds * rate):
            self.now += 1 / rate
            self.watch.watch(SimpleNamespace(look=look), self.now)

    @property
    def status(self):
        """Return level, message and the values that are about the view."""
        report = self.health.report(self.now)
        return report.level, report.message, {
            key: value for key, value in report.values if key.startswith('view_')}


@pytest.fixture
def bundle(tmp_path):
    """Return a bundle that knows a set of N(0, 1)."""
    rows = np.random.default_rng(0).normal(size=(200, len(FEATURES)))
    return replace(load_bundle(write_tiny_bundle(tmp_path / 'b', scores=True)),
                   views=recorded({'farm': rows}, {}))


def test_a_known_view_is_told_and_warns_of_nothing(bundle):
    flight = Flight(bundle)
    flight.fly(KNOWN, LEAST - 2)
    assert flight.status[2] == {'view_nearest': 'farm'}
    flight.fly(KNOWN, 10)
    level, _, values = flight.status
    assert level == OK and float(values['view_distance']) < 1


def test_another_view_warns_until_it_is_known_again(bundle):
    flight = Flight(bundle)
    flight.fly(STRANGE, LEAST + 2)
    level, message, _ = flight.status
    assert level == WARN
    assert message.startswith('unlike the pictures that this model was trained on')
    flight.fly(KNOWN, WINDOW + 2)
    assert flight.status[0] == OK


@pytest.mark.parametrize('rate, seconds, looks', [(30, 20, (18, 21)), (1, 80, (20, 21))],
                         ids=['a look a second', 'every fourth frame'])
def test_looks_are_rare(bundle, rate, seconds, looks):
    flight = Flight(bundle)
    flight.fly(KNOWN, seconds, rate)
    assert looks[0] <= flight.looks <= looks[1]


def test_switched_off_nothing_is_looked_at_and_the_warning_goes(bundle):
    flight = Flight(bundle)
    flight.fly(STRANGE, LEAST + 2)
    flight.settings['view_alarm'] = False
    before = flight.looks
    flight.fly(STRANGE, 20)
    assert flight.looks == before and flight.status[0] == OK and flight.status[2] == {}
    flight.settings['view_alarm'] = True
    flight.fly(STRANGE, LEAST + 2)
    assert flight.status[0] == WARN


def test_a_model_that_goes_takes_its_warning_along(bundle):
    flight = Flight(bundle)
    flight.fly(STRANGE, LEAST + 2)
    flight.watch.forget()
    assert flight.status[0] == OK and flight.status[2] == {}


@pytest.mark.parametrize('change', [{'views': None}, {'gives_scores': False}],
                         ids=['no statistics', 'no scores'])
def test_bundles_that_say_nothing_are_not_looked_at(bundle, change):
    flight = Flight(replace(bundle, **change))
    flight.fly(STRANGE, 20)
    assert flight.looks == 0 and flight.status[0] == OK and flight.status[2] == {}
