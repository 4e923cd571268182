"""Alerts: what a rule's text means, and when it speaks."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effvit_ros.core.alerts import (
    Alert,
    alert_rules,
    AlertMonitor,
    AlertRule,
    alerts_problem,
    CLEARED,
    DEFAULT_ALERTS,
    parse_rules,
    RAISED,
    UNKNOWN,
)
from effvit_ros.core.classes import lpcv_classes
from effvit_ros.core.errors import UserError

NAMES = lpcv_classes().names
S = 1_000_000_000  # nanoseconds


@pytest.mark.parametrize('text, rule', [
    pytest.param('person>0.002<0.001x3', AlertRule(('person',), 0.002, 0.001, 3), id='in full'),
    pytest.param('person>0.002', AlertRule(('person',), 0.002, 0.001, 3), id='in short'),
    pytest.param('person>.5x1', AlertRule(('person',), 0.5, 0.25, 1), id='one frame'),
    pytest.param('person>1e-3<1e-4', AlertRule(('person',), 1e-3, 1e-4, 3), id='exponents'),
    pytest.param(' fire/flare + lava_flow > 0.01 < 0.005 x 2 ',
                 AlertRule(('fire/flare', 'lava_flow'), 0.01, 0.005, 2), id='two classes'),
    pytest.param('xylophone x2>0.1x4', AlertRule(('xylophone x2',), 0.1, 0.05, 4),
                 id='an x in the name'),
    pytest.param('person>0.1<0.1', AlertRule(('person',), 0.1, 0.1, 3), id='no hysteresis'),
])
def test_a_rule(text, rule):
    assert parse_rules(text) == (rule,)


def test_commas_separate_rules():
    assert [rule.name for rule in parse_rules('a>0.1, b>0.2<0.1 ,c+d>0.3x5')] == ['a', 'b', 'c+d']


@pytest.mark.parametrize('text, words', [
    pytest.param('', "rule '' can't be read: give CLASS>SHARE", id='nothing'),
    pytest.param('person', "rule 'person' can't be read", id='no share'),
    pytest.param('>0.1', "rule '>0.1' can't be read", id='no class'),
    pytest.param('a>0.1,', "rule '' can't be read", id='a comma at the end'),
    pytest.param('a>0.1, b=0.2', "rule 'b=0.2' can't be read", id='the bad one is named'),
    pytest.param('a+>0.1', "rule 'a+>0.1' can't be read", id='a plus at the end'),
    pytest.param('a>half', "rule 'a>half' can't be read", id='not a number'),
    pytest.param('a>0.1x-3', "rule 'a>0.1x-3' can't be read", id='minus three frames'),
    pytest.param('a>2', "rule 'a>2': give shares between 0 and 1", id='percent taken for share'),
    pytest.param('a>0', "rule 'a>0': give shares between 0 and 1", id='always above'),
    pytest.param('a>0.1<0.2', 'no higher than the one to raise at', id='clears above'),
    pytest.param('a>0.1x0', "rule 'a>0.1x0': give 1 to 10000 frames", id='no frame'),
    pytest.param('a>0.1, a>0.2', "two rules for 'a'", id='twice'),
    pytest.param('a>0.1,\nb', "rule 'b' can't be read", id='a line of its own'),
    pytest.param('a+a>0.1', "rule 'a+a>0.1' names a class twice", id='a class twice'),
])
def test_a_rule_that_cannot_be_used_is_named_in_one_line(text, words):
    with pytest.raises(UserError) as error:
        parse_rules(text)
    assert words in str(error.value)
    assert str(error.value).startswith('alerts: ') and '\n' not in str(error.value)
    assert alerts_problem(text) == str(error.value)


# By the names that hypothesis 6.36, Ubuntu 22.04's, knows.
LETTERS = st.characters(blacklist_categories=('Cs',), blacklist_characters=',+<>')
NAME = st.text(LETTERS, min_size=1).map(
    lambda text: ' '.join(text.split())).filter(bool)
SHARES = st.tuples(*[st.floats(1e-300, 1, exclude_max=True)] * 2).map(sorted)
RULE = st.builds(
    lambda names, shares, frames: AlertRule(tuple(names), shares[1], shares[0], frames),
    st.lists(NAME, min_size=1, max_size=3, unique=True), SHARES, st.integers(1, 10000))


@given(st.lists(RULE, min_size=1, max_size=3, unique_by=lambda rule: rule.name))
def test_rules_can_be_written_down_and_read_again(rules):
    assert parse_rules(', '.join(map(str, rules))) == tuple(rules)


@given(st.text())
def test_any_text_gives_rules_or_one_line(text):
    problem = alerts_problem(text)
    assert problem is None or len(problem.splitlines()) == 1


def test_auto_means_those_of_the_default_rules_that_the_model_can_serve():
    assert [rule.name for rule in alert_rules('auto', NAMES)] == [
        'person', 'fire/flare', 'flood/water/river/sea', 'building_damaged']
    assert alert_rules('auto', NAMES) == parse_rules(DEFAULT_ALERTS)
    assert [rule.name for rule in alert_rules('auto', ('ground', 'person'))] == ['person']
    assert alert_rules('auto', ('background', 'red')) == ()
    assert alert_rules('none', NAMES) == ()
    assert alerts_problem('auto') is alerts_problem('none') is None


def test_a_class_that_the_model_lacks_is_named_beside_those_it_has():
    with pytest.raises(UserError, match="no class 'persn', but ground, person"):
        alert_rules('persn>0.1', ('ground', 'person'))


def run(text, shares, stamps=None):
    """Return what is told of each picture: '' or the state of the one rule."""
    monitor = AlertMonitor(parse_rules(text), ('ground', 'person'))
    told = []
    for serial, share in enumerate(shares):
        stamp = serial if stamps is None else stamps[serial]
        alerts = monitor.update((1 - share, share), int(stamp * S))
        told.append(alerts[0].state if alerts else '')
    return told


@pytest.mark.parametrize('text, shares, told', [
    pytest.param('person>0.2x1', [0.1, 0.3], ['', RAISED], id='at once'),
    pytest.param('person>0.2x1', [0.2], [''], id='the share itself is not above it'),
    pytest.param('person>0.2x3', [0.3, 0.3, 0.3, 0.3], ['', '', RAISED, ''], id='third in a row'),
    pytest.param('person>0.2x3', [0.3, 0.3, 0.1, 0.3, 0.3], [''] * 5, id='not in a row'),
    pytest.param('person>0.2<0.1x2', [0.3, 0.3, 0.15, 0.05, 0.15, 0.05, 0.05],
                 ['', RAISED, '', '', '', '', CLEARED], id='cleared by two in a row below'),
    pytest.param('person>0.2<0.1x1', [0.3, 0.19, 0.21, 0.1, 0.3, 0.09],
                 [RAISED, '', '', '', '', CLEARED], id='wavering between the shares is silent'),
    pytest.param('person>0.2<0.1x1', [0.3, 0, 0.3, 0], [RAISED, CLEARED] * 2, id='again'),
])
def test_one_rule(text, shares, told):
    assert run(text, shares) == told


@pytest.mark.parametrize('stamps, told', [
    pytest.param([0, 0, 0, 0], ['', RAISED, '', ''], id='no stamps'),
    pytest.param([10, 10.1, 9.9, 10.2], ['', RAISED, '', ''], id='stamps out of order'),
    pytest.param([10, 1000, 1001, 5000], ['', RAISED, '', ''], id='stamps jump on'),
    pytest.param([100, 101, 50, 51], ['', RAISED, UNKNOWN, RAISED], id='the bag starts over'),
    pytest.param([100, 50, 51, 52], ['', '', RAISED, ''], id='counting starts again'),
])
def test_clocks(stamps, told):
    assert run('person>0.2x2', [0.5] * 4, stamps) == told


def test_an_alert_that_holds_at_once_after_a_jump_back_stays_raised():
    assert run('person>0.2x1', [0.5, 0.5], [100, 50]) == [RAISED, '']


def test_every_message_tells_the_whole_state():
    monitor = AlertMonitor(parse_rules('a>0.2x1, b+c>0.2x1, d>0.2x1'), 'abcd')
    assert monitor.update((0.5, 0, 0, 0), 1 * S) == (Alert('a', RAISED, 0.5),)
    assert monitor.update((0.5, 0.125, 0.125, 0), 2 * S) == (
        Alert('a', RAISED, 0.5), Alert('b+c', RAISED, 0.25))
    assert monitor.update((0.0, 0.25, 0.25, 0), 3 * S) == (
        Alert('a', CLEARED, 0.0), Alert('b+c', RAISED, 0.5))
    assert monitor.update((0.0, 0.25, 0.25, 0), 4 * S) == ()


def test_what_stands_can_be_told_at_any_time_and_changes_nothing():
    monitor = AlertMonitor(parse_rules('a>0.2x1, b>0.2x1'), 'ab')
    assert monitor.standing() == ()
    monitor.update((0.5, 0.0), 1 * S)
    assert monitor.standing() == monitor.standing() == (Alert('a', RAISED, 0.5),)
    assert monitor.update((0.0, 0.0), 2 * S) == (Alert('a', CLEARED, 0.0),)
    assert monitor.standing() == ()


def test_a_reset_tells_what_is_not_watched_any_more():
    monitor = AlertMonitor(parse_rules('a>0.2x1, b>0.2x2'), 'ab')
    monitor.update((0.5, 0.5), 100 * S)
    assert monitor.reset() == (Alert('a', UNKNOWN, 0.5),)
    assert monitor.reset() == ()
    # Also the count and the time: the second picture of b is the first one again.
    assert monitor.update((0.5, 0.5), 50 * S) == (Alert('a', RAISED, 0.5),)
    assert monitor.update((0.5, 0.5), 51 * S) == (Alert('a', RAISED, 0.5), Alert('b', RAISED, 0.5))


HISTORY = st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.4]), max_size=60)


@given(HISTORY, st.integers(1, 4))
def test_a_change_is_backed_by_the_last_pictures_and_none_is_missed(shares, frames):
    told = run(f'person>0.25<0.15x{frames}', shares)
    raised, since = False, 0
    for end, state in enumerate(told, start=1):
        row = shares[max(since, end - frames):end]
        due = len(row) == frames and all(
            share < 0.15 if raised else share > 0.25 for share in row)
        assert state == ((CLEARED if raised else RAISED) if due else '')
        if due:
            raised, since = not raised, end


@given(st.lists(st.tuples(*[st.floats(0, 0.5)] * 3), max_size=40), st.integers(1, 3))
def test_a_receiver_that_starts_late_or_loses_messages_knows_the_state_after_the_next(
        pictures, frames):
    rules = parse_rules(f'a>0.25x{frames}, b>0.3x{frames}, c+a>0.6x{frames}')
    monitor, single = AlertMonitor(rules, 'abc'), {
        rule.name: AlertMonitor((rule,), 'abc') for rule in rules}
    raised = set()
    for serial, areas in enumerate(pictures):
        for name, own in single.items():
            for alert in own.update(areas, serial * S):
                (raised.add if alert.state == RAISED else raised.discard)(name)
        message = monitor.update(areas, serial * S)
        if message:
            assert {a.name for a in message if a.state == RAISED} == raised


def test_auto_leaves_out_what_a_model_knows_from_a_simulation_alone():
    named = [rule.name for rule in alert_rules('auto', NAMES, ('fire/flare', 'lava_flow'))]
    assert named == ['person', 'flood/water/river/sea', 'building_damaged']
    asked = alert_rules('fire/flare>0.1', NAMES, ('fire/flare',))
    assert [rule.name for rule in asked] == ['fire/flare']
