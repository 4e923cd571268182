"""The newest-frame slot and the one thread that works on frames."""
from __future__ import annotations

import threading


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

    def clear(self):
        """Discard what lies in the slot; returns whether there was something."""
        with self._condition:
            discarded = self._item is not None
            self._item = None
            return discarded

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
    The inference thread: it makes the processor, runs it on the newest item and closes it.

    Making, using and closing happen on this one thread, because a GPU context belongs to the
    thread that made it.
    """

    def __init__(self, make_processor, on_error):
        """
        Start the thread.

        :param make_processor: called on the thread; returns an object with ``process(item)``
            and ``close()``.
        :param on_error: called on the thread with the exception that ``process`` raised; the
            next item is then processed as usual.
        """
        self.processor = None
        #: The exception that ``make_processor`` raised, or None.
        self.failure = None
        self._make_processor = make_processor
        self._on_error = on_error
        self._mailbox = Mailbox()
        self._made = threading.Event()
        self._thread = threading.Thread(target=self._run, name='inference', daemon=True)
        self._thread.start()

    def wait_made(self, timeout):
        """Return whether the processor is made (or failed) within ``timeout`` seconds."""
        return self._made.wait(timeout)

    def put(self, item):
        """Hand over the newest item; returns whether an older one was dropped for it."""
        return self._mailbox.put(item)

    def drain(self, timeout):
        """Discard the waiting item and wait for the one in work; False after ``timeout``."""
        self._mailbox.clear()
        return self._mailbox.wait_idle(timeout)

    def stop(self, timeout):
        """
        End the thread after the item in work; returns whether it ended within ``timeout``.

        A thread inside a library call that takes longer is left behind as a daemon.
        """
        self._mailbox.close()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self):
        try:
            self.processor = self._make_processor()
        except Exception as error:
            self.failure = error
            return
        finally:
            self._made.set()
        try:
            while True:
                item = self._mailbox.take()
                if item is None:
                    break
                try:
                    self.processor.process(item)
                except Exception as error:
                    self._on_error(error)
        finally:
            self.processor.close()
