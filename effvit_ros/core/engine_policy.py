"""What a runtime may do about an engine that is not there."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from effvit_ros.core.errors import UserError

#: Build a missing engine, or refuse to start without one.
BUILD_CHOICES = ('auto', 'never')


@dataclass(frozen=True)
class EnginePolicy:
    """
    Whether to build a missing engine, whom to tell, and how to be stopped.

    ``progress`` is called with one line every few seconds of a build, ``cancelled`` often, to
    learn whether to give up.
    """

    build: str = 'auto'
    progress: Callable[[str], None] = lambda line: None
    cancelled: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        """
        Check ``build``.

        :raises UserError: not one of :data:`BUILD_CHOICES`.
        """
        if self.build not in BUILD_CHOICES:
            raise UserError(
                f"engine_build is '{self.build}': give one of {', '.join(BUILD_CHOICES)}")
