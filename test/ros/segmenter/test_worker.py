"""The newest-frame slot and the inference threads that take from it."""
from __future__ import annotations

import threading

import pytest

from effvit_ros.ros.segmenter.worker import NewestFrame, Worker

PATIENCE_S = 20


class Recorder:
    """A pipeline that waits for leave to go on and notes what it was given, and where."""

    def __init__(self, log, name='A', loads=None):
        """Load once the event ``loads`` is set."""
        assert loads is None or loads.wait(PATIENCE_S)
        self.made_on = threading.current_thread()
        self.threads = set()
        self.entered, self.leave = threading.Semaphore(0), threading.Semaphore(0)
        self.closed_on = None
        self._log, self._name = log, name

    def process(self, frame):
        self.threads.add(threading.current_thread())
        self._log.append(f'{self._name} begins {frame}')
        self.entered.release()
        assert self.leave.acquire(timeout=PATIENCE_S)
        if frame == 'bad':
            raise ValueError(frame)
        self._log.append(f'{self._name} ends {frame}')

    def close(self):
        self.closed_on = threading.current_thread()
        self._log.append(f'{self._name} closed')


@pytest.fixture
def log():
    return []


@pytest.fixture
def errors():
    return []


@pytest.fixture
def frames():
    return NewestFrame()


@pytest.fixture
def load(frames, log, errors):
    """Return a function that starts a worker; all are ended afterwards."""
    workers = []

    def load(name='A', **held):
        workers.append(Worker(frames, lambda: Recorder(log, name, **held), errors.append))
        return workers[-1]
    yield load
    for worker in workers:
        if worker.pipeline is not None:
            worker.pipeline.leave.release(100)
        worker.retire()
        assert worker.join(PATIENCE_S)


@pytest.fixture
def worker(frames, load):
    """Return a loaded worker that has the frames."""
    worker = load()
    assert worker.wait_loaded(PATIENCE_S)
    frames.give_to(worker)
    return worker


def begun(worker):
    """Wait until the worker begins a frame."""
    assert worker.pipeline.entered.acquire(timeout=PATIENCE_S)


def test_a_new_frame_displaces_one_that_nobody_took(frames, worker):
    assert frames.put(1) is False
    begun(worker)
    assert [frames.put(number) for number in (2, 3, 4)] == [False, True, True]


def test_while_one_frame_is_in_work_only_the_newest_waits(frames, worker, log):
    frames.put(1)
    begun(worker)
    frames.put(2)
    frames.put(3)
    worker.pipeline.leave.release(2)
    begun(worker)
    assert frames.drain(PATIENCE_S)
    assert log == ['A begins 1', 'A ends 1', 'A begins 3', 'A ends 3']


def test_loading_using_and_closing_happen_on_one_thread(frames, worker):
    worker.pipeline.leave.release()
    frames.put(1)
    begun(worker)
    worker.retire()
    assert worker.join(PATIENCE_S)
    assert {worker.pipeline.made_on, worker.pipeline.closed_on} == worker.pipeline.threads
    assert threading.current_thread() not in worker.pipeline.threads


def test_a_frame_that_raises_is_reported_and_the_next_one_is_worked_on(
        frames, worker, errors, log):
    worker.pipeline.leave.release(2)
    for frame in ('bad', 'good'):
        frames.put(frame)
        begun(worker)
    assert frames.drain(PATIENCE_S)
    assert [str(error) for error in errors] == ['bad']
    assert log[-1] == 'A ends good'


def test_draining_discards_what_waits_and_waits_for_what_is_in_work(frames, worker, log):
    frames.put(1)
    begun(worker)
    frames.put(2)
    assert frames.drain(0.05) is False
    worker.pipeline.leave.release()
    assert frames.drain(PATIENCE_S) is True
    assert log == ['A begins 1', 'A ends 1']


def test_how_long_a_frame_is_in_work(frames, worker):
    assert frames.in_work_for() == 0.0
    frames.put(1)
    begun(worker)
    assert frames.in_work_for() > 0.0
    worker.pipeline.leave.release()
    assert frames.drain(PATIENCE_S)
    assert frames.in_work_for() == 0.0


def test_a_pipeline_that_cannot_be_made_is_a_failure_not_a_crash(frames):
    def make():
        raise RuntimeError('no such model')
    worker = Worker(frames, make, None)
    assert worker.wait_loaded(PATIENCE_S)
    assert str(worker.failure) == 'no such model'
    assert worker.join(PATIENCE_S)


def test_a_successor_begins_when_the_frame_in_work_is_done_and_takes_what_waits(
        frames, worker, load, log):
    frames.put(1)
    begun(worker)
    frames.put(2)
    successor = load('B')
    assert successor.wait_loaded(PATIENCE_S)
    frames.give_to(successor)
    assert log == ['A begins 1']
    worker.pipeline.leave.release()
    begun(successor)
    assert worker.join(PATIENCE_S)
    assert [line for line in log if line != 'A closed'] == ['A begins 1', 'A ends 1', 'B begins 2']


def test_the_present_model_answers_while_the_next_one_loads(frames, worker, load, log):
    loads = threading.Event()
    successor = load('B', loads=loads)
    worker.pipeline.leave.release(2)
    for frame in (1, 2):
        frames.put(frame)
        begun(worker)
        assert frames.drain(PATIENCE_S)
    assert not successor.wait_loaded()
    loads.set()
    assert successor.wait_loaded(PATIENCE_S)
    assert log == ['A begins 1', 'A ends 1', 'A begins 2', 'A ends 2']


def test_a_retired_successor_releases_its_model_as_soon_as_it_is_loaded(load, log):
    loads = threading.Event()
    successor = load('B', loads=loads)
    successor.retire()
    loads.set()
    assert successor.join(PATIENCE_S)
    assert log == ['B closed']


def test_a_thread_stuck_in_a_library_is_left_behind_and_its_fault_is_nobodys(
        frames, worker, errors, log):
    frames.put('bad')
    begun(worker)
    worker.retire()
    assert worker.join(0.01) is False
    worker.pipeline.leave.release()
    worker._thread.join(PATIENCE_S)
    assert (errors, log[-1]) == ([], 'A closed')


class Publisher:
    """A pipeline that is quick with the network and takes its time over the results."""

    def __init__(self, log, name='A'):
        self.publishing, self.leave = threading.Semaphore(0), threading.Semaphore(0)
        self.processed = threading.Semaphore(0)
        self.threads = set()
        self._log, self._name = log, name

    def process(self, frame):
        self.threads.add(threading.current_thread())
        self._log.append(f'{self._name} processes {frame}')
        self.processed.release()
        return lambda: self._publish(frame)

    def _publish(self, frame):
        assert threading.current_thread() not in self.threads
        self.publishing.release()
        assert self.leave.acquire(timeout=PATIENCE_S)
        if frame == 'bad':
            raise ValueError(frame)
        self._log.append(f'{self._name} publishes {frame}')

    def close(self):
        self._log.append(f'{self._name} closed')


@pytest.fixture
def publish(frames, log, errors):
    """Return a function that starts a worker with a :class:`Publisher`; all are ended."""
    workers = []

    def publish(name='A'):
        workers.append(Worker(frames, lambda: Publisher(log, name), errors.append))
        assert workers[-1].wait_loaded(PATIENCE_S)
        return workers[-1]
    yield publish
    for worker in workers:
        worker.pipeline.leave.release(100)
        worker.retire()
        assert worker.join(PATIENCE_S)


def acquired(semaphore):
    assert semaphore.acquire(timeout=PATIENCE_S)


def test_the_next_frame_is_processed_while_results_are_published(frames, publish, log):
    worker = publish()
    frames.give_to(worker)
    frames.put(1)
    acquired(worker.pipeline.publishing)
    frames.put(2)
    acquired(worker.pipeline.processed)
    acquired(worker.pipeline.processed)
    assert log == ['A processes 1', 'A processes 2']
    frames.put(3)  # the network is free, but 2 waits for the results of 1
    assert not worker.pipeline.processed.acquire(timeout=0.05)
    worker.pipeline.leave.release(2)
    acquired(worker.pipeline.processed)
    worker.pipeline.leave.release()
    assert frames.drain(PATIENCE_S)
    assert [line for line in log if 'publishes' in line] == [
        'A publishes 1', 'A publishes 2', 'A publishes 3']


def test_results_that_raise_are_reported_and_the_next_ones_are_published(
        frames, publish, log, errors):
    worker = publish()
    worker.pipeline.leave.release(2)
    frames.give_to(worker)
    for frame in ('bad', 'good'):
        frames.put(frame)
        acquired(worker.pipeline.publishing)
        assert frames.drain(PATIENCE_S)
    assert ([str(error) for error in errors], log[-1]) == (['bad'], 'A publishes good')


def test_draining_and_the_watchdog_see_results_that_are_not_published_yet(frames, publish):
    worker = publish()
    frames.give_to(worker)
    frames.put(1)
    acquired(worker.pipeline.publishing)
    assert frames.drain(0.05) is False and frames.in_work_for() > 0.05
    worker.pipeline.leave.release()
    assert frames.drain(PATIENCE_S) is True and frames.in_work_for() == 0.0


def test_a_successor_begins_when_all_results_are_out(frames, publish, log):
    worker, successor = publish('A'), publish('B')
    frames.give_to(worker)
    frames.put(1)
    acquired(worker.pipeline.publishing)
    frames.give_to(successor)
    frames.put(2)
    assert not successor.pipeline.processed.acquire(timeout=0.05)
    worker.pipeline.leave.release()
    acquired(successor.pipeline.publishing)
    assert worker.join(PATIENCE_S)
    assert log == ['A processes 1', 'A publishes 1', 'A closed', 'B processes 2'] or \
        log == ['A processes 1', 'A publishes 1', 'B processes 2', 'A closed']


@pytest.mark.parametrize('handed_on', [False, True], ids=['with the network', 'being published'])
def test_time_in_which_nothing_ran_is_not_counted(frames, worker, handed_on, monkeypatch):
    now = 100.0
    monkeypatch.setattr('effvit_ros.ros.segmenter.worker.time.monotonic', lambda: now)
    frames.put(1)
    begun(worker)
    if handed_on:
        frames.hand_on(worker)
    now = 108.0
    assert frames.in_work_for() == 8.0
    frames.excuse(6.0)
    assert frames.in_work_for() == 2.0
    frames.excuse(6.0)
    assert frames.in_work_for() == 0.0
    if handed_on:
        frames.done()
