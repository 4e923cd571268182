"""Reads and decodes the next frames while the model is at work on this one."""
from __future__ import annotations

import queue
import threading
from typing import Generator, Iterable, TypeVar, Union

_Item = TypeVar('_Item')
#: Seconds between two looks at whether the frames are still wanted.
_PERIOD_S = 0.1


class _End:
    """Comes after the last item."""


class _Failure:
    """Carries an exception out of the thread."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def read_ahead(items: Iterable[_Item], depth: int = 2) -> Generator[_Item, None, None]:
    """
    Yield what ``items`` yields, up to ``depth`` items ahead, in the same order.

    The items are made in a thread of their own, which ends when the generator is closed;
    what it raises is raised here.
    """
    slots: queue.Queue[Union[_Item, _Failure, _End]] = queue.Queue(depth)
    stop = threading.Event()

    def put(item: Union[_Item, _Failure, _End]) -> None:
        while not stop.is_set():
            try:
                slots.put(item, timeout=_PERIOD_S)
                return
            except queue.Full:
                pass

    def fill() -> None:
        try:
            for item in items:
                put(item)
                if stop.is_set():
                    return
            put(_End())
        except BaseException as error:
            put(_Failure(error))

    thread = threading.Thread(target=fill, name='reader', daemon=True)
    thread.start()
    try:
        while True:
            item = slots.get()
            if isinstance(item, _End):
                return
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stop.set()
        thread.join()
