"""Reads and decodes the next frames while the model is at work on this one."""
from __future__ import annotations

import queue
import threading

_END = object()
#: Seconds between two looks at whether the frames are still wanted.
_PERIOD_S = 0.1


class _Failure:
    """Carries an exception out of the thread."""

    def __init__(self, error):
        self.error = error


def read_ahead(items, depth=2):
    """
    Yield what ``items`` yields, up to ``depth`` items ahead, in the same order.

    The items are made in a thread of their own, which ends when the generator is closed;
    what it raises is raised here.
    """
    slots, stop = queue.Queue(depth), threading.Event()

    def put(item):
        while not stop.is_set():
            try:
                slots.put(item, timeout=_PERIOD_S)
                return
            except queue.Full:
                pass

    def fill():
        try:
            for item in items:
                put(item)
                if stop.is_set():
                    return
            put(_END)
        except BaseException as error:
            put(_Failure(error))

    thread = threading.Thread(target=fill, name='reader', daemon=True)
    thread.start()
    try:
        while True:
            item = slots.get()
            if item is _END:
                return
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stop.set()
        thread.join()
