"""The inference thread of now, the one that shall follow it, and those that were left behind."""
from __future__ import annotations

import time

from effvit_ros.ros.segmenter.worker import Worker


class InferenceHost:
    """
    Owns the :class:`~effvit_ros.ros.segmenter.worker.Worker` that frames go to and can replace it.

    There are two ways to replace it. :meth:`prepare` and :meth:`take_over` exchange a sound
    worker between two frames, while the old one goes on as long as the new one loads.
    :meth:`leave_behind` and :meth:`rebuild` replace a stuck one. All methods are called on one
    thread, the executor's, and none but :meth:`wait_made`, :meth:`drain` and :meth:`stop` wait.
    """

    def __init__(self, make_processor, on_error):
        """Start the first worker; its arguments are :class:`Worker`'s."""
        self._on_error = on_error
        self._current = Worker(make_processor, on_error)
        self._successor = None
        self._leaving = []
        self._left_behind = []

    @property
    def processor(self):
        """Return the processor that frames go to; None while it is in the making."""
        return self._current.processor

    @property
    def failure(self):
        """Return why the processor could not be made, or None."""
        return self._current.failure

    @property
    def made(self):
        """Return whether the processor is made, or could not be."""
        return self._current.made

    @property
    def completed(self):
        """Return how many frames the present worker has been through."""
        return self._current.completed

    @property
    def loading(self):
        """Return whether a processor is in the making."""
        return not self.made or self._successor is not None

    @property
    def left_behind(self):
        """Return how many abandoned threads have not come back; each may hold a model."""
        self._left_behind = [worker for worker in self._left_behind if worker.alive]
        return len(self._left_behind)

    def wait_made(self, timeout):
        """Return whether the processor is made (or failed) within ``timeout`` seconds."""
        return self._current.wait_made(timeout)

    def making_for(self):
        """Return for how many seconds the present processor has been in the making."""
        return self._current.making_for(time.monotonic())

    def put(self, item):
        """Hand over the newest item; returns whether an older one was dropped for it."""
        return self._current.put(item)

    def prepare(self, make_processor):
        """Begin to make the successor's processor, in place of one that is under way."""
        self.discard_successor()
        self._successor = Worker(make_processor, self._on_error, held=True)

    def discard_successor(self):
        """Give up the successor; it ends by itself as soon as its making lets it."""
        if self._successor is not None:
            self._successor.retire()
            self._leaving.append(self._successor)
            self._successor = None

    def take_over(self):
        """
        Let a successor that is ready work on the next frame.

        :returns: None while there is none or it is not ready; else the worker that was made,
            which has taken over unless its ``failure`` says why it was not made.
        """
        self._leaving = [worker for worker in self._leaving if worker.alive]
        successor = self._successor
        if successor is None or not (successor.made and self.made):
            return None
        self._successor = None
        if successor.failure is None:
            self._leaving.append(self._current)
            self._current.hand_over(successor)
            self._current = successor
        return successor

    def stuck_for(self):
        """Return for how many seconds a frame has been in work that should have results."""
        now = time.monotonic()
        return max(worker.working_for(now) for worker in (self._current, *self._leaving))

    def leave_behind(self, longer_than):
        """
        Abandon what has worked on one frame for more than ``longer_than`` seconds.

        Returns whether it is the present worker, which must then be followed by
        :meth:`rebuild` or :meth:`stop`. A successor of an abandoned one goes to work.
        """
        now = time.monotonic()
        for worker in (self._current, *self._leaving):
            if worker.working_for(now) > longer_than:
                worker.abandon()
                self._left_behind.append(worker)
        self._leaving = [worker for worker in self._leaving if worker not in self._left_behind]
        return self._current in self._left_behind

    def rebuild(self, make_processor):
        """Put a new worker in the present one's place; the newest frame waits for it."""
        self._current = Worker(make_processor, self._on_error)

    def drain(self, timeout):
        """Discard waiting frames and wait for those in work; False after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        workers = self._in_service()
        return all([w.drain(max(0.0, deadline - time.monotonic())) for w in workers])

    def stop(self, timeout):
        """
        End all threads; returns whether they ended within ``timeout`` seconds.

        Those that did not are left behind.
        """
        deadline = time.monotonic() + timeout
        self.discard_successor()
        workers = self._in_service()
        for worker in workers:
            worker.retire()
        ended = [w.stop(max(0.0, deadline - time.monotonic())) for w in workers]
        for worker, has_ended in zip(workers, ended):
            if not has_ended:
                worker.abandon()
        return all(ended)

    def _in_service(self):
        return [worker for worker in (self._current, *self._leaving)
                if worker not in self._left_behind]
