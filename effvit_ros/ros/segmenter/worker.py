"""How a frame passes from the executor's thread to the inference thread that works on it."""
from __future__ import annotations

import threading
import time


class NewestFrame:
    """
    The one slot between the executor's thread, which puts, and inference threads, which take.

    A new frame displaces one that was not taken yet. Only one worker takes at a time, and only
    while no frame is in work, so that results come in the order of their frames even where
    :meth:`give_to` exchanges the worker.
    """

    def __init__(self):
        """Start empty, with nobody to take."""
        self._changed = threading.Condition()
        self._frame = None
        self._taker = None
        self._taken_at = None

    def put(self, frame):
        """Leave ``frame`` for the worker; returns whether an older one was displaced."""
        with self._changed:
            displaced = self._frame is not None
            self._frame = frame
            self._changed.notify_all()
            return displaced

    def take(self, worker):
        """Wait for the worker's next frame and return it; None once the worker is retired."""
        with self._changed:
            self._changed.wait_for(lambda: worker.retired or (
                worker is self._taker and self._frame is not None and self._taken_at is None))
            if worker.retired:
                return None
            frame, self._frame = self._frame, None
            self._taken_at = time.monotonic()
            return frame

    def done(self):
        """Note that the frame in work is finished, well or not."""
        with self._changed:
            self._taken_at = None
            self._changed.notify_all()

    def give_to(self, worker):
        """Give the frames to ``worker`` from now on and retire the one that had them."""
        with self._changed:
            if self._taker is not None:
                self._taker.retired = True
            self._taker = worker
            self._changed.notify_all()

    def wake(self):
        """Let every waiting worker look whether it is retired."""
        with self._changed:
            self._changed.notify_all()

    def in_work_for(self):
        """Return for how many seconds a frame has been in work; 0.0 where there is none."""
        since = self._taken_at
        return 0.0 if since is None else time.monotonic() - since

    def drain(self, timeout):
        """Discard the waiting frame and wait for the one in work; False after ``timeout``."""
        with self._changed:
            self._frame = None
            return self._changed.wait_for(lambda: self._taken_at is None, timeout)


class Worker:
    """
    An inference thread: it loads the model, runs it on the newest frame and releases it.

    All three happen on this one thread, because a GPU context belongs to the thread that made
    it.
    """

    def __init__(self, frames, make_pipeline, on_error):
        """
        Start the thread, which loads at once and takes when ``frames`` are given to it.

        :param frames: :class:`NewestFrame`.
        :param make_pipeline: called on the thread; returns an object with ``process(frame)``
            and ``close()``.
        :param on_error: called on the thread with the exception that ``process`` raised; the
            next frame is then processed as usual.
        """
        self.pipeline = None
        #: The exception that ``make_pipeline`` raised, or None.
        self.failure = None
        #: Whether it takes no more frames; set by :class:`NewestFrame` and :meth:`retire`.
        self.retired = False
        self._frames = frames
        self._make_pipeline = make_pipeline
        self._on_error = on_error
        self._left_behind = False
        self._loaded = threading.Event()
        self._thread = threading.Thread(target=self._run, name='inference', daemon=True)
        self._thread.start()

    @property
    def alive(self):
        """Return whether the thread still runs."""
        return self._thread.is_alive()

    def wait_loaded(self, timeout=0.0):
        """Return whether the pipeline is made, or failed to be, within ``timeout`` seconds."""
        return self._loaded.wait(timeout)

    def retire(self):
        """End the thread after the frame in work, without waiting for it."""
        self.retired = True
        self._frames.wake()

    def join(self, timeout):
        """
        Return whether the thread ended within ``timeout`` seconds.

        A thread inside a library call that takes longer is left behind as a daemon; what its
        frame raises then is nobody's any more.
        """
        self._thread.join(timeout)
        self._left_behind = self.alive
        return not self.alive

    def _run(self):
        try:
            self.pipeline = self._make_pipeline()
        except Exception as error:
            self.failure = error
            return
        finally:
            self._loaded.set()
        try:
            while True:
                frame = self._frames.take(self)
                if frame is None:
                    return
                try:
                    self.pipeline.process(frame)
                except Exception as error:
                    if not self._left_behind:
                        self._on_error(error)
                finally:
                    self._frames.done()
        finally:
            self.pipeline.close()
