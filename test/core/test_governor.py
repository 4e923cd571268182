"""The governor's control law: worked by hand, then on machines that answer to it."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effvit_ros.core.governor import (
    Ceilings,
    COOL_C,
    Governor,
    Load,
    LOWEST_RATE_HZ,
    RISE,
    RISE_AFTER_S,
)

CPU_60 = Ceilings(max_cpu=60)
HEAT_80 = Ceilings(max_temperature=80)


def load(cpu=10.0, celsius=None, wanted=30.0, done=30.0):
    return Load(cpu, celsius, wanted, done)


def after(seconds, ceilings):
    """Return a governor that has seen these seconds."""
    governor = Governor()
    for second in seconds:
        governor.step(second, ceilings)
    return governor


@pytest.mark.parametrize('ceilings', [Ceilings(), CPU_60, HEAT_80])
def test_within_the_limits_there_is_no_limit(ceilings):
    governor = after([load(cpu=59, celsius=79)] * 60, ceilings)
    assert (governor.rate_hz, governor.reason) == (None, '')


@pytest.mark.parametrize('second, ceilings, rate', [
    # 30 Hz x 0.95 x 60 / 80
    pytest.param(load(cpu=80), CPU_60, 21.375, id='a third too much CPU time'),
    pytest.param(load(cpu=61), CPU_60, 27.0, id='hardly too much: a tenth less'),
    pytest.param(load(cpu=100), Ceilings(max_cpu=5), 7.5, id='far too much: a quarter is left'),
    # The camera gives 30, the model manages 8.
    pytest.param(load(cpu=80, done=8), CPU_60, 5.7, id='from the rate that was reached'),
    pytest.param(load(cpu=80, wanted=0.5, done=0.5), CPU_60, 0.5, id='below the lowest rate'),
    pytest.param(load(cpu=90, done=0), CPU_60, None, id='CPU time that no frame took'),
])
def test_two_seconds_of_too_much_cpu_time(second, ceilings, rate):
    assert after([second], ceilings).rate_hz is None
    governor = after([second] * 2, ceilings)
    assert governor.rate_hz == (None if rate is None else pytest.approx(rate))
    assert governor.reason.startswith('max_cpu: ') == (rate is not None)


def test_one_second_of_much_cpu_time_among_others_is_nothing():
    assert after([load(cpu=20), load(cpu=20), load(cpu=100), load(cpu=20)], CPU_60
                 ).rate_hz is None


@pytest.mark.parametrize('seconds, rate', [(1, 24.0), (5, 24.0), (6, 19.2), (11, 15.36)])
def test_heat_takes_a_fifth_and_waits_five_seconds_for_the_effect(seconds, rate):
    governor = Governor()
    for _ in range(seconds):
        governor.step(load(celsius=81, done=governor.rate_hz or 30), HEAT_80)
    assert governor.rate_hz == pytest.approx(rate)
    assert governor.reason == 'max_temperature: 81 C, the limit is 80'


@pytest.mark.parametrize('cpu, rate, reason', [
    (80, 21.375, 'max_cpu'), (61, 24.0, 'max_temperature')])
def test_of_two_reasons_the_one_that_takes_more_counts(cpu, rate, reason):
    ceilings = Ceilings(max_cpu=60, max_temperature=80)
    governor = after([load(cpu=cpu, celsius=70), load(cpu=cpu, celsius=81)], ceilings)
    assert governor.rate_hz == pytest.approx(rate)
    assert governor.reason.startswith(reason)


@pytest.mark.parametrize('second, rises', [
    pytest.param(load(cpu=47, done=20), True, id='47 x 1.25 fits into 60'),
    pytest.param(load(cpu=49, done=20), False, id='49 x 1.25 does not'),
    pytest.param(load(cpu=10, wanted=0, done=0), False, id='no frames to learn from'),
])
def test_ten_seconds_well_within_the_limits_give_a_quarter_more(second, rises):
    governor = after([load(cpu=80)] * 2 + [second] * (RISE_AFTER_S - 1), CPU_60)
    assert governor.rate_hz == pytest.approx(21.375)
    governor.step(second, CPU_60)
    assert governor.rate_hz == pytest.approx(21.375 * 1.25 if rises else 21.375)


def test_a_hot_second_starts_the_ten_anew():
    calm = load(celsius=70, done=20)
    governor = after([load(celsius=81)] + [calm] * 9, HEAT_80)
    governor.step(load(celsius=78, done=20), HEAT_80)  # neither hot nor cool
    for _ in range(9):
        governor.step(calm, HEAT_80)
    assert governor.rate_hz == pytest.approx(24)
    governor.step(calm, HEAT_80)
    # 30 Hz is what is wanted: the limit is gone.
    assert (governor.rate_hz, governor.reason) == (None, '')


def test_limits_that_are_switched_off_release_at_once():
    governor = after([load(cpu=80)] * 2, CPU_60)
    governor.step(load(cpu=80), Ceilings())
    assert (governor.rate_hz, governor.reason) == (None, '')


def test_a_machine_without_sensors_is_never_hot():
    assert after([load(celsius=None)] * 30, HEAT_80).rate_hz is None


def run(governor, ceilings, seconds, wanted, respond):
    """Let a machine answer to the governor; returns (rate, CPU, degrees) of every second."""
    history = []
    for _ in range(seconds):
        done = wanted if governor.rate_hz is None else min(wanted, governor.rate_hz)
        cpu, celsius = respond(done)
        history.append((done, cpu, celsius))
        governor.step(Load(cpu, celsius, wanted, done), ceilings)
    return history


@given(idle=st.floats(0, 20), per_frame=st.floats(0.1, 5), limit=st.floats(30, 95),
       wanted=st.floats(2, 60))
def test_cpu_time_settles_below_the_limit_and_does_not_swing(idle, per_frame, limit, wanted):
    ceilings = Ceilings(max_cpu=limit)
    history = run(Governor(), ceilings, 240, wanted,
                  lambda rate: (min(100, idle + per_frame * rate), None))
    settled = history[60:]
    assert all(cpu <= limit + 1e-6 or rate <= LOWEST_RATE_HZ for rate, cpu, _ in settled)
    rates = [rate for rate, _, _ in settled]
    assert rates == sorted(rates)
    # What the limit allows is used: one step up would not have fitted.
    rate, cpu, _ = settled[-1]
    assert rate >= wanted - 1e-6 or cpu * 1.25 > limit


@given(ambient=st.floats(20, 60), per_frame=st.floats(0.2, 3), lag=st.floats(5, 60))
def test_heat_settles_around_the_limit(ambient, per_frame, lag):
    celsius = ambient

    def respond(rate):
        nonlocal celsius
        celsius += (ambient + per_frame * rate - celsius) / lag
        return 10, celsius
    history = run(Governor(), HEAT_80, 900, 30, respond)[300:]
    # A rise of the rate by a quarter may go past the limit until the next step down.
    assert max(degrees for _, _, degrees in history) < 80 * RISE
    if ambient + per_frame * 30 <= 80 - COOL_C:
        assert {rate for rate, _, _ in history} == {30}
    else:
        # As many frames as keep it warm, not fewer: it is not throttled to the lowest rate.
        mean = sum(rate for rate, _, _ in history) / len(history)
        assert mean > 0.6 * min(30, (80 - COOL_C - ambient) / per_frame)


@given(seconds=st.lists(st.builds(
    Load, cpu_percent=st.floats(0, 100), celsius=st.none() | st.floats(-40, 150),
    wanted_hz=st.floats(0, 100), done_hz=st.floats(0, 100)), max_size=80),
    max_cpu=st.floats(0, 100), max_temperature=st.floats(0, 150))
def test_whatever_comes_the_rate_is_positive_and_never_rises_in_a_bad_second(
        seconds, max_cpu, max_temperature):
    governor, ceilings = Governor(), Ceilings(max_cpu, max_temperature)
    for second in seconds:
        before = governor.rate_hz
        governor.step(second, ceilings)
        rate = governor.rate_hz
        assert rate is None or rate > 0
        assert (rate is None) == (governor.reason == '')
        hot = second.celsius is not None and 0 < max_temperature < second.celsius
        if before is not None and hot:
            assert rate is not None and rate <= before
