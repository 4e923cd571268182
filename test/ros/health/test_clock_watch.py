"""Jumps of a real ROS clock, driven by hand as /clock drives it."""
from __future__ import annotations

import time

import pytest
from rclpy.clock import ROSClock
from rclpy.time import Time

from effvit_ros.ros.health.clock import ClockWatch
from effvit_ros.ros.health.health import CLOCK_STANDS


@pytest.fixture
def jumps():
    """Return the list that has an entry for each jump."""
    return []


@pytest.fixture
def simulated(jumps):
    """Return a clock that stands at second 100 and its watch."""
    clock = ROSClock()
    clock._set_ros_time_is_active(True)
    watch = ClockWatch(clock, lambda: jumps.append(clock.now().nanoseconds * 1e-9))
    set_to(clock, 100)
    del jumps[:]
    yield clock, watch
    watch.close()


def set_to(clock, *seconds):
    for second in seconds:
        clock.set_ros_time_override(Time(seconds=second, clock_type=clock.clock_type))


@pytest.mark.parametrize('times, expected', [
    pytest.param((100.1, 100.2, 101), [], id='it runs'),
    pytest.param((102.5,), [102.5], id='forward'),
    pytest.param((50,), [50], id='a bag starts over'),
    pytest.param((99.95,), [], id='two messages overtake one another'),
    pytest.param((100, 100), [], id='it stands'),
])
def test_jumps_of_a_simulated_clock(simulated, jumps, times, expected):
    set_to(simulated[0], *times)
    assert jumps == expected


def test_the_first_message_on_clock_is_a_jump(jumps):
    clock = ROSClock()
    watch = ClockWatch(clock, lambda: jumps.append(clock.now().nanoseconds * 1e-9))
    clock._set_ros_time_is_active(True)
    set_to(clock, 1_700_000_000)
    assert jumps[-1] == 1_700_000_000
    watch.close()


def test_what_the_clock_is(simulated):
    clock, watch = simulated
    assert watch.look(10.0) == 'simulated'
    set_to(clock, 100.5)
    assert watch.look(12.0) == 'simulated'
    assert watch.look(13.0) == 'simulated'
    assert watch.look(14.0) == CLOCK_STANDS
    set_to(clock, 100.6)
    assert watch.look(15.0) == 'simulated'
    clock._set_ros_time_is_active(False)
    assert watch.look(16.0) == 'system'


@pytest.mark.parametrize('steady_s, expected', [
    pytest.param(0.0, [], id='no time passed on either'),
    pytest.param(1.0, [], id='a second of delay'),
    pytest.param(100.0, [True], id='the steady clock went on, the system clock was set back'),
    pytest.param(-100.0, [True], id='the system clock was set forward'),
])
def test_jumps_of_the_systems_clock(jumps, steady_s, expected):
    watch = ClockWatch(ROSClock(), lambda: jumps.append(True))
    start = time.monotonic()
    assert watch.look(start) == 'system'
    watch.look(start + steady_s)
    assert jumps == expected
    watch.close()
