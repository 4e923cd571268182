"""The newest-frame slot and the one thread that works on frames."""
from __future__ import annotations

import threading
import time


class Mailbox:
    """One slot between two threads: a new item displaces one that was not taken yet."""

    def __init__(self):
        """Start empty and open."""
        self._condition = threading.Condition()
        self._item = None
        self._busy = False
        self._closed = False

    def put(self, item):
        """Leave ``item`` for the taker; returns whether another one was displaced."""
        with self._condition:
            displaced = self._item is not None
            self._item = item
            self._condition.notify_all()
            return displaced

    def take(self):
        """
        Wait for an item and return it; None once the mailbox is closed.

        The taker counts as busy from here until its next call.
        """
        with self._condition:
            self._busy = False
            self._condition.notify_all()
            self._condition.wait_for(lambda: self._closed or self._item is not None)
            if self._closed:
                return None
            item, self._item = self._item, None
            self._busy = True
            return item

    def take_back(self):
        """Empty the slot and return what lay in it, or None."""
        with self._condition:
            item, self._item = self._item, None
            return item

    def wait_idle(self, timeout):
        """Wait until the slot is empty and the taker back; False after ``timeout`` seconds."""
        with self._condition:
            return self._condition.wait_for(
                lambda: self._item is None and not self._busy, timeout)

    def close(self):
        """End the taker's wait, now and ever after."""
        with self._condition:
            self._closed = True
            self._item = None
            self._condition.notify_all()


class Worker:
    """
    An inference thread: it makes the processor, runs it on the newest item and closes it.

    Making, using and closing happen on this one thread, because a GPU context belongs to the
    thread that made it.
    """

    def __init__(self, make_processor, on_error, held=False):
        """
        Start the thread.

        :param make_processor: called on the thread; returns an object with ``process(item)``,
            ``discard_results()`` and ``close()``.
        :param on_error: called on the thread with the exception that ``process`` raised; the
            next item is then processed as usual.
        :param held: take no item before :meth:`start`.
        """
        self.processor = None
        #: The exception that ``make_processor`` raised, or None.
        self.failure = None
        #: How many items came back from ``process``, well or not.
        self.completed = 0
        self._make_processor = make_processor
        self._on_error = on_error
        self._mailbox = Mailbox()
        self._made, self._may_take = threading.Event(), threading.Event()
        self._abandoned = False
        self._successor = None
        self._working_since = None
        self._began = time.monotonic()
        if not held:
            self._may_take.set()
        self._thread = threading.Thread(target=self._run, name='inference', daemon=True)
        self._thread.start()

    @property
    def made(self):
        """Return whether the processor is made, or could not be."""
        return self._made.is_set()

    @property
    def alive(self):
        """Return whether the thread still runs."""
        return self._thread.is_alive()

    def wait_made(self, timeout):
        """Return whether the processor is made (or failed) within ``timeout`` seconds."""
        return self._made.wait(timeout)

    def making_for(self, now):
        """Return for how many seconds the processor has been in the making; 0.0 afterwards."""
        return 0.0 if self.made else now - self._began

    def working_for(self, now):
        """
        Return for how many seconds the item in work has been; 0.0 where there is none.

        :param now: ``time.monotonic()``.
        """
        since = self._working_since
        return 0.0 if since is None else now - since

    def start(self):
        """Let a worker that was held take items."""
        self._may_take.set()

    def put(self, item):
        """Hand over the newest item; returns whether an older one was dropped for it."""
        return self._mailbox.put(item)

    def drain(self, timeout):
        """Discard the waiting item and wait for the one in work; False after ``timeout``."""
        self._mailbox.take_back()
        return self._mailbox.wait_idle(timeout)

    def hand_over(self, successor):
        """End after the item in work; what waits, and what is yet to come, is ``successor``'s."""
        self._successor = successor
        waiting = self._mailbox.take_back()
        if waiting is not None:
            successor.put(waiting)
        self.retire()

    def retire(self):
        """End the thread after the item in work, without waiting for it."""
        self._mailbox.close()
        self._may_take.set()

    def abandon(self):
        """Give the thread up: should it ever come back, it publishes nothing and ends."""
        self._abandoned = True
        self.retire()
        if self.processor is not None:
            self.processor.discard_results()
        if self._successor is not None:
            self._successor.start()

    def stop(self, timeout):
        """
        End the thread after the item in work; returns whether it ended within ``timeout``.

        A thread inside a library call that takes longer is left behind as a daemon.
        """
        self.retire()
        self._thread.join(timeout)
        return not self.alive

    def _run(self):
        try:
            self.processor = self._make_processor()
        except Exception as error:
            self.failure = error
            return
        finally:
            self._made.set()
        try:
            self._may_take.wait()
            self._work()
        finally:
            if self._successor is not None:
                self._successor.start()
            self.processor.close()

    def _work(self):
        while True:
            item = self._mailbox.take()
            if item is None:
                return
            self._working_since = time.monotonic()
            try:
                self.processor.process(item)
            except Exception as error:
                if not self._abandoned:
                    self._on_error(error)
            finally:
                self._working_since = None
                self.completed += 1
