"""How a frame passes from the executor's thread to the inference thread that works on it."""
from __future__ import annotations

import queue
import threading
import time
from typing import Any, Callable, Optional


class NewestFrame:
    """
    The one slot between the executor's thread, which puts, and inference threads, which take.

    A new frame displaces one that was not taken yet. A frame in work is first with the network,
    then handed on: while its results are drawn and published, the next one may be with the
    network. Only one worker takes at a time, and another one only when no frame is in work, so
    that results come in the order of their frames even where :meth:`give_to` exchanges the worker.
    """

    def __init__(self) -> None:
        """Start empty, with nobody to take."""
        self._changed = threading.Condition()
        self._frame: Any = None
        self._taker: Optional[Worker] = None
        # Of the frame that is with the network; of the one whose results are published.
        self._taken_at: Optional[float] = None
        self._handed_at: Optional[float] = None
        self._hander: Optional[Worker] = None

    def put(self, frame: Any) -> bool:
        """Leave ``frame`` for the worker; returns whether an older one was displaced."""
        with self._changed:
            displaced = self._frame is not None
            self._frame = frame
            self._changed.notify_all()
            return displaced

    def take(self, worker: Worker) -> Any:
        """Wait for the worker's next frame and return it; None once the worker is retired."""
        with self._changed:
            self._changed.wait_for(lambda: worker.retired or self._may_take(worker))
            if worker.retired:
                return None
            frame, self._frame = self._frame, None
            self._taken_at = time.monotonic()
            return frame

    def _may_take(self, worker: Worker) -> bool:
        return (worker is self._taker and self._frame is not None and self._taken_at is None
                and (self._handed_at is None or self._hander is worker))

    def hand_on(self, worker: Worker) -> None:
        """Pass the frame from the network to its results, once those before are published."""
        with self._changed:
            self._changed.wait_for(lambda: self._handed_at is None)
            self._handed_at, self._taken_at = self._taken_at, None
            self._hander = worker
            self._changed.notify_all()

    def done(self) -> None:
        """Note that the frame that was handed on is finished, well or not."""
        with self._changed:
            self._handed_at = None
            self._changed.notify_all()

    def give_to(self, worker: Worker) -> None:
        """Give the frames to ``worker`` from now on and retire the one that had them."""
        with self._changed:
            if self._taker is not None:
                self._taker.retired = True
            self._taker = worker
            self._changed.notify_all()

    def wake(self) -> None:
        """Let every waiting worker look whether it is retired."""
        with self._changed:
            self._changed.notify_all()

    def in_work_for(self) -> float:
        """Return for how many seconds a frame has been in work; 0.0 where there is none."""
        since = self._handed_at or self._taken_at  # the older one
        return 0.0 if since is None else time.monotonic() - since

    def excuse(self, seconds: float) -> None:
        """Count ``seconds`` less for the frames in work: nothing ran in this process then."""
        with self._changed:
            now = time.monotonic()
            if self._taken_at is not None:
                self._taken_at = min(now, self._taken_at + seconds)
            if self._handed_at is not None:
                self._handed_at = min(now, self._handed_at + seconds)

    def drain(self, timeout: float) -> bool:
        """Discard the waiting frame and wait for those in work; False after ``timeout``."""
        with self._changed:
            self._frame = None
            return self._changed.wait_for(
                lambda: self._taken_at is None and self._handed_at is None, timeout)


class Worker:
    """
    An inference thread: it loads the model, runs it on the newest frame and releases it.

    All three happen on this one thread, because a GPU context belongs to the thread that made
    it. A second thread publishes the results, while the next frame is with the network.
    """

    def __init__(self, frames: NewestFrame, make_pipeline: Callable[[], Any],
                 on_error: Callable[[Exception], None]) -> None:
        """
        Start the thread, which loads at once and takes when ``frames`` are given to it.

        :param frames: :class:`NewestFrame`.
        :param make_pipeline: called on the thread; returns an object with ``process(frame)``,
            which returns what publishes the results, or None, and ``close()``.
        :param on_error: called on either thread with the exception that ``process``, or what it
            returned, raised; the next frame is then processed as usual.
        """
        self.pipeline: Any = None
        #: The exception that ``make_pipeline`` raised, or None.
        self.failure: Optional[Exception] = None
        #: Whether it takes no more frames; set by :class:`NewestFrame` and :meth:`retire`.
        self.retired = False
        self._frames = frames
        self._make_pipeline = make_pipeline
        self._on_error = on_error
        self._left_behind = False
        self._loaded = threading.Event()
        self._results: queue.SimpleQueue[Optional[Callable[[], None]]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name='inference', daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Return whether the thread still runs."""
        return self._thread.is_alive()

    def wait_loaded(self, timeout: float = 0.0) -> bool:
        """Return whether the pipeline is made, or failed to be, within ``timeout`` seconds."""
        return self._loaded.wait(timeout)

    def retire(self) -> None:
        """End the thread after the frame in work, without waiting for it."""
        self.retired = True
        self._frames.wake()

    def join(self, timeout: float) -> bool:
        """
        Return whether the thread ended within ``timeout`` seconds.

        A thread inside a library call that takes longer is left behind as a daemon; what its
        frame raises then is nobody's any more.
        """
        self._thread.join(timeout)
        self._left_behind = self.alive
        return not self.alive

    def _run(self) -> None:
        try:
            self.pipeline = self._make_pipeline()
        except Exception as error:
            self.failure = error
            return
        finally:
            self._loaded.set()
        publisher = threading.Thread(target=self._publish, name='results', daemon=True)
        publisher.start()
        try:
            while True:
                frame = self._frames.take(self)
                if frame is None:
                    return
                publish = self._guarded(self.pipeline.process, frame)
                self._frames.hand_on(self)
                self._results.put(publish or _nothing)
        finally:
            self._results.put(None)
            publisher.join()
            self.pipeline.close()

    def _publish(self) -> None:
        """Publish the results of one frame after the other, until None comes."""
        while True:
            publish = self._results.get()
            if publish is None:
                return
            self._guarded(publish)
            self._frames.done()

    def _guarded(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a call returns; tell what it raises, and return None."""
        try:
            return call(*arguments)
        except Exception as error:
            if not self._left_behind:
                self._on_error(error)
            return None


def _nothing() -> None:
    """Publish nothing: the frame failed, or has no results."""
