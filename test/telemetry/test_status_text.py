"""Alerts as STATUSTEXT: wording, severities, and what is sent after what."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effvit_ros.core.alerts import Alert, CLEARED, RAISED, UNKNOWN
from effvit_ros.core.errors import UserError
from effvit_ros.telemetry.bridge_parameters import BRIDGE_PARAMETERS
from effvit_ros.telemetry.status_text import (
    Announcer,
    parse_severities,
    severities_problem,
    status_text,
)

CRITICAL, WARNING, NOTICE, INFO = 2, 4, 5, 6
SEVERITIES = {'person': CRITICAL, 'other': WARNING}


@pytest.mark.parametrize('alert, severity, text', [
    (Alert('person', RAISED, 0.0123), CRITICAL, 'person seen: 1.23% of picture'),
    (Alert('person', CLEARED, 0.0), INFO, 'person gone'),
    (Alert('person', UNKNOWN, 0.2), NOTICE, 'person not watched any more'),
    (Alert('flood/water/river/sea', RAISED, 1.0), WARNING,
     'flood/water/river/sea seen: 100% of picture'),
    pytest.param(Alert('a' * 60, RAISED, 0.5), WARNING, 'a' * 29 + ' seen: 50% of picture',
                 id='a long name is cut'),
    pytest.param(Alert('n\xe4ss', CLEARED, 0.0), INFO, 'n?ss gone', id='ASCII only'),
])
def test_wording(alert, severity, text):
    assert status_text(alert, SEVERITIES) == (severity, text)


@given(st.builds(Alert, st.text(min_size=1), st.sampled_from([RAISED, CLEARED, UNKNOWN]),
                 st.floats(0, 1)))
def test_every_text_fits_into_a_statustext(alert):
    severity, text = status_text(alert, SEVERITIES)
    assert len(text.encode('ascii')) <= 50
    assert 0 <= severity <= 7


@pytest.mark.parametrize('text, severities', [
    ('', {'other': WARNING}),
    ('person=critical, fire/flare = alert', {'person': 2, 'fire/flare': 1, 'other': WARNING}),
    ('other=debug', {'other': 7}),
])
def test_severities(text, severities):
    assert parse_severities(text) == severities


@pytest.mark.parametrize('text, part', [
    ('person', 'person'), ('person=loud', 'person=loud'), ('a=info,=info', '=info')])
def test_a_severity_that_cannot_be_used_is_named(text, part):
    with pytest.raises(UserError, match=f"severities: '{part}': give ALERT=SEVERITY"):
        parse_severities(text)
    assert severities_problem(text)


def drain(announcer):
    texts = []
    while announcer.next():
        texts.append(announcer.next().text)
        announcer.sent(announcer.next())
    return texts


def raised(*names):
    return [Alert(name, RAISED, 0.5) for name in names]


def test_each_change_is_told_once_and_the_worst_first():
    announcer = Announcer(SEVERITIES)
    announcer.take(raised('water', 'person'))
    announcer.take(raised('water', 'person'))
    assert drain(announcer) == ['person seen: 50% of picture', 'water seen: 50% of picture']
    announcer.take([Alert('water', CLEARED, 0.0), *raised('person')])
    announcer.take(raised('person'))
    assert drain(announcer) == ['water gone']


def test_a_lost_message_is_made_up_for_by_the_next():
    announcer = Announcer(SEVERITIES)
    announcer.take(raised('water', 'person'))
    drain(announcer)
    announcer.take(raised('person'))
    assert drain(announcer) == ['water gone']


def test_what_was_never_told_is_not_told_to_be_gone():
    announcer = Announcer(SEVERITIES)
    announcer.take([Alert('water', CLEARED, 0.0), Alert('person', UNKNOWN, 0.5)])
    assert announcer.next() is None


def test_while_the_link_is_slow_the_newest_state_replaces_the_older_one():
    announcer = Announcer(SEVERITIES)
    for _ in range(100):
        announcer.take(raised('water'))
        announcer.take([Alert('water', CLEARED, 0.0)])
    assert drain(announcer) == ['water gone']


def test_what_could_not_be_sent_stays():
    announcer = Announcer(SEVERITIES)
    announcer.take(raised('person'))
    assert announcer.next() == announcer.next() == (CRITICAL, 'person seen: 50% of picture')


def test_the_defaults_are_allowed():
    assert [row.problem(row.default) for row in BRIDGE_PARAMETERS] == [None] * len(
        BRIDGE_PARAMETERS)
