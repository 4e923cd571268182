"""Draw the next batch while the network learns from this one."""
from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Callable, Generic, Optional, Tuple, TypeVar

T = TypeVar('T')


class Ahead(Generic[T]):
    """
    Gives ``draw(n)`` for n in order, the next one drawn in a thread meanwhile.

    A context: on leaving, the thread is awaited. What ``draw`` raises comes out where it is asked
    for.

    :param end: the first n that nobody will ask for.
    """

    def __init__(self, draw: Callable[[int], T], end: int):
        self._draw = draw
        self._end = end
        self._next: Optional[Tuple[int, Future]] = None
        self._thread = ThreadPoolExecutor(1, 'batches')

    def __enter__(self) -> Ahead[T]:
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def __call__(self, number: int) -> T:
        """Return ``draw(number)``."""
        waiting = self._next
        now = (waiting[1] if waiting and waiting[0] == number
               else self._thread.submit(self._draw, number))
        if number + 1 < self._end:
            self._next = number + 1, self._thread.submit(self._draw, number + 1)
        return now.result()
