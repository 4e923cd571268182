"""The newest-frame slot and the inference thread."""
from __future__ import annotations

import threading

import pytest

from effvit_ros.ros.segmenter.worker import Mailbox, Worker


class Recorder:
    """A processor that waits for leave to go on and notes what it was given, and where."""

    def __init__(self):
        self.made_on = threading.current_thread()
        self.items, self.threads = [], set()
        self.entered, self.leave = threading.Semaphore(0), threading.Semaphore(0)
        self.closed_on = None

    def process(self, item):
        self.threads.add(threading.current_thread())
        self.items.append(item)
        self.entered.release()
        assert self.leave.acquire(timeout=5)
        if item == 'bad':
            raise ValueError(item)

    def close(self):
        self.closed_on = threading.current_thread()


@pytest.fixture
def errors():
    return []


@pytest.fixture
def worker(errors):
    worker = Worker(Recorder, errors.append)
    assert worker.wait_made(5)
    yield worker
    worker.processor.leave.release(100)
    assert worker.stop(5)


def test_a_mailbox_keeps_the_newest_and_tells_of_the_displaced():
    mailbox = Mailbox()
    assert [mailbox.put(item) for item in 'abc'] == [False, True, True]
    assert mailbox.take() == 'c'
    assert mailbox.put('d') is False


def test_a_closed_mailbox_gives_nothing():
    mailbox = Mailbox()
    mailbox.put('a')
    mailbox.close()
    assert mailbox.take() is None


def test_while_one_frame_is_in_work_only_the_newest_waits(worker):
    recorder = worker.processor
    assert worker.put(1) is False
    assert recorder.entered.acquire(timeout=5)
    assert [worker.put(i) for i in (2, 3, 4)] == [False, True, True]
    recorder.leave.release(2)
    assert recorder.entered.acquire(timeout=5)
    assert worker.drain(5)
    assert recorder.items == [1, 4]


def test_making_using_and_closing_happen_on_one_thread():
    worker = Worker(Recorder, None)
    assert worker.wait_made(5)
    recorder = worker.processor
    recorder.leave.release()
    worker.put(1)
    assert recorder.entered.acquire(timeout=5)
    assert worker.stop(5)
    assert {recorder.made_on, recorder.closed_on} == recorder.threads
    assert threading.current_thread() not in recorder.threads


def test_a_frame_that_raises_is_reported_and_the_next_one_is_worked_on(worker, errors):
    recorder = worker.processor
    recorder.leave.release(2)
    for item in ('bad', 'good'):
        worker.put(item)
        assert recorder.entered.acquire(timeout=5)
    assert worker.drain(5)
    assert [str(error) for error in errors] == ['bad']
    assert recorder.items == ['bad', 'good']


def test_draining_discards_what_waits_and_waits_for_what_is_in_work(worker):
    recorder = worker.processor
    worker.put(1)
    assert recorder.entered.acquire(timeout=5)
    worker.put(2)
    assert worker.drain(0.05) is False
    recorder.leave.release()
    assert worker.drain(5) is True
    assert recorder.items == [1]


def test_a_processor_that_cannot_be_made_is_a_failure_not_a_crash():
    def make():
        raise RuntimeError('no such model')
    worker = Worker(make, None)
    assert worker.wait_made(5)
    assert str(worker.failure) == 'no such model'
    assert worker.stop(5)


def test_a_worker_stuck_in_a_library_is_left_behind():
    release = threading.Event()

    def make():
        release.wait()
        raise RuntimeError('too late')
    worker = Worker(make, None)
    assert worker.wait_made(0.01) is False
    assert worker.stop(0.01) is False
    release.set()
    assert worker.stop(5)
