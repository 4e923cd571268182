"""Replacing the inference thread: between two frames, or leaving a stuck one behind."""
from __future__ import annotations

import threading
import time

import pytest

from effvit_ros.ros.segmenter import watchdog
from effvit_ros.ros.segmenter.inference_host import InferenceHost
from effvit_ros.ros.segmenter.watchdog import InferenceLost, Watchdog

PATIENCE_S = 20


class Model:
    """A processor that notes what it is given; it can be held up in loading and in a frame."""

    def __init__(self, name, log, loads=None, works=None):
        """Load once the event ``loads`` is set; each frame waits for the event ``works``."""
        if loads is not None:
            assert loads.wait(PATIENCE_S)
        self._name, self._log, self._works = name, log, works
        self._discards = False

    def process(self, frame):
        self._log.append(f'{self._name} begins {frame}')
        if self._works is not None:
            assert self._works.wait(PATIENCE_S)
        if frame == 'bad':
            raise ValueError(frame)
        if not self._discards:
            self._log.append(f'{self._name} ends {frame}')

    def discard_results(self):
        self._discards = True

    def close(self):
        self._log.append(f'{self._name} closed')


def until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def log():
    return []


@pytest.fixture
def events():
    """Make events that are all set in the end, so that no thread stays."""
    made = []

    def event():
        made.append(threading.Event())
        return made[-1]
    yield event
    for event in made:
        event.set()


@pytest.fixture
def host_of(log):
    """Return a function that starts a host with a model; stopped in the end."""
    hosts = []

    def start(name='A', **held):
        hosts.append(InferenceHost(lambda: Model(name, log, **held), log.append))
        return hosts[-1]
    yield start
    for host in hosts:
        host.stop(PATIENCE_S)


def test_the_successor_begins_when_the_frame_in_work_is_done_and_takes_what_waits(
        host_of, log, events):
    works = events()
    host = host_of(works=works)
    host.put(1)
    until(lambda: 'A begins 1' in log)
    host.put(2)
    host.prepare(lambda: Model('B', log))
    until(lambda: host.take_over() is not None)
    assert log == ['A begins 1']
    works.set()
    until(lambda: 'B ends 2' in log and 'A closed' in log)
    host.put(3)
    until(lambda: 'B ends 3' in log)
    assert [line for line in log if 'closed' not in line] == [
        'A begins 1', 'A ends 1', 'B begins 2', 'B ends 2', 'B begins 3', 'B ends 3']
    assert log.index('A ends 1') < log.index('A closed')


def test_the_old_one_answers_as_long_as_the_new_one_loads(host_of, log, events):
    loads = events()
    host = host_of()
    host.prepare(lambda: Model('B', log, loads=loads))
    for frame in range(3):
        host.put(frame)
        until(lambda: f'A ends {frame}' in log)
        assert host.take_over() is None
        assert host.loading
    loads.set()
    until(lambda: host.take_over() is not None)
    until(lambda: 'A closed' in log)
    assert not host.loading


def test_a_successor_that_cannot_be_made_changes_nothing(host_of, log):
    def cannot():
        raise RuntimeError('no such model')
    host = host_of()
    host.prepare(cannot)
    finished = []
    until(lambda: finished.append(host.take_over()) or finished[-1])
    assert str(finished[-1].failure) == 'no such model'
    host.put(1)
    until(lambda: 'A ends 1' in log)
    assert not host.loading


def test_of_two_successors_the_first_is_given_up_and_released(host_of, log, events):
    loads = events()
    host = host_of()
    host.prepare(lambda: Model('B', log, loads=loads))
    host.prepare(lambda: Model('C', log))
    until(lambda: host.take_over() is not None)
    loads.set()
    until(lambda: 'B closed' in log)
    host.put(1)
    until(lambda: 'C ends 1' in log)


def test_a_stuck_thread_is_left_behind_and_publishes_nothing_when_it_comes_back(
        host_of, log, events):
    works = events()
    host = host_of(works=works)
    host.put(1)
    until(lambda: host.stuck_for() > 0.05)
    assert host.leave_behind(0.05)
    host.rebuild(lambda: Model('B', log))
    host.put(2)
    until(lambda: 'B ends 2' in log)
    assert (host.left_behind, host.stuck_for()) == (1, 0.0)
    works.set()
    until(lambda: 'A closed' in log)
    until(lambda: host.left_behind == 0)
    assert 'A ends 1' not in log


def test_a_fault_of_an_abandoned_frame_is_nobodys_any_more(host_of, log, events):
    works = events()
    host = host_of(works=works)
    host.put('bad')
    until(lambda: host.stuck_for() > 0.05)
    host.leave_behind(0.05)
    host.rebuild(lambda: Model('B', log))
    works.set()
    until(lambda: 'A closed' in log)
    assert all(isinstance(entry, str) for entry in log)


def test_a_frame_that_is_not_stuck_is_not_left_behind(host_of):
    host = host_of()
    assert not host.leave_behind(0.0)
    assert host.left_behind == 0


def test_a_successor_goes_to_work_when_its_predecessor_is_stuck_in_its_last_frame(
        host_of, log, events):
    host = host_of(works=events())
    host.put(1)
    until(lambda: 'A begins 1' in log)
    host.prepare(lambda: Model('B', log))
    until(lambda: host.take_over() is not None)
    host.put(2)
    until(lambda: host.stuck_for() > 0.05)
    assert host.leave_behind(0.05) is False
    until(lambda: 'B ends 2' in log)


def test_stopping_waits_for_all_but_those_left_behind(host_of, log, events):
    host = host_of(works=events())
    host.put(1)
    until(lambda: host.stuck_for() > 0.05)
    host.leave_behind(0.05)
    host.rebuild(lambda: Model('B', log))
    assert host.wait_made(PATIENCE_S)
    assert host.stop(PATIENCE_S)
    assert 'B closed' in log


def test_what_does_not_end_in_time_publishes_nothing_later(host_of, log, events):
    works = events()
    host = host_of(works=works)
    host.put(1)
    until(lambda: 'A begins 1' in log)
    assert host.stop(0.01) is False
    works.set()
    until(lambda: 'A closed' in log)
    assert 'A ends 1' not in log


def stick(host, log, name):
    """Show a frame to a model that holds it up until it counts as stuck."""
    until(lambda: host.made)
    host.put('frame')
    until(lambda: f'{name} begins frame' in log and host.stuck_for() > 0.05)


def test_the_watchdog_rebuilds_and_tells(host_of, log, events):
    works = events()
    host = host_of(works=works)
    dog = Watchdog(host)
    assert dog.look(0.05, None) is None
    stick(host, log, 'A')
    assert 'stuck in one frame for ' in dog.look(0.05, lambda: Model('B', log))
    assert (dog.rebuilds, dog.rebuilding) == (1, True)
    until(lambda: dog.look(0.05, None) or not dog.rebuilding)
    host.put(2)
    until(lambda: 'B ends 2' in log)


def test_a_watchdog_that_is_off_lets_it_be(host_of, log, events):
    host = host_of(works=events())
    stick(host, log, 'A')
    assert Watchdog(host).look(0.0, None) is None


def test_stuck_three_times_in_a_row_is_the_end(host_of, log, events):
    works = events()
    host = host_of('0', works=works)
    dog = Watchdog(host)
    for number in range(watchdog.MAX_STUCK - 1):
        stick(host, log, str(number))
        assert dog.look(0.05, lambda: Model(str(number + 1), log, works=works))
        until(lambda: host.made)
        assert dog.look(0.05, None) is None
    stick(host, log, str(watchdog.MAX_STUCK - 1))
    with pytest.raises(InferenceLost, match='3 times now'):
        dog.look(0.05, None)


def stumble(host, dog, log, events, number):
    """Get model ``number`` stuck and rebuilt as the next one, which answers a frame."""
    stick(host, log, str(number))
    works = events()
    assert dog.look(0.05, lambda: Model(str(number + 1), log, works=works))
    until(lambda: dog.look(0.05, None) or not dog.rebuilding)
    works.set()
    host.put('good')
    until(lambda: f'{number + 1} ends good' in log and host.completed)
    works.clear()
    return works


def test_stuck_now_and_then_is_bearable_while_threads_come_back(host_of, log, events):
    works = events()
    host = host_of('0', works=works)
    dog = Watchdog(host)
    for number in range(2 * watchdog.MAX_STUCK):
        following = stumble(host, dog, log, events, number)
        works.set()
        until(lambda: host.left_behind == 0)
        works = following
    assert dog.rebuilds == 2 * watchdog.MAX_STUCK


def test_too_many_threads_left_behind_are_the_end_whatever_was_answered_between(
        host_of, log, events):
    host = host_of('0', works=events())
    dog = Watchdog(host)
    for number in range(watchdog.MAX_STUCK - 1):
        stumble(host, dog, log, events, number)
    stick(host, log, str(watchdog.MAX_STUCK - 1))
    with pytest.raises(InferenceLost):
        dog.look(0.05, None)


@pytest.mark.parametrize('failure, told', [
    pytest.param(RuntimeError('the device is lost'), 'the device is lost', id='it fails'),
    pytest.param(None, 'not built anew after 0.1 s', id='it does not end'),
])
def test_a_runtime_that_cannot_be_rebuilt_is_the_end(
        host_of, log, events, monkeypatch, failure, told):
    monkeypatch.setattr(watchdog, 'REBUILD_TIMEOUT_S', 0.1)
    host = host_of(works=events())
    never = events()

    def rebuild():
        if failure is not None:
            raise failure
        return Model('B', log, loads=never)
    dog = Watchdog(host)
    stick(host, log, 'A')
    assert dog.look(0.05, rebuild)
    with pytest.raises(InferenceLost, match=told):
        until(lambda: dog.look(0.05, None))
