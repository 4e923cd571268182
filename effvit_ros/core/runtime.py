"""What every runtime is, whichever library executes the graph."""
from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Sequence

import numpy as np

from effvit_ros.core.bundle import Bundle, BundleError
from effvit_ros.core.engine_policy import EnginePolicy
from effvit_ros.core.errors import UserError
from effvit_ros.core.graph import Graph


class RuntimeUnavailable(UserError):
    """A runtime whose library or hardware is not there: says what is missing and how to get it."""


class Runtime(ABC):
    """
    One loaded graph with its buffers.

    ``input`` is the graph's own uint8 buffer, (height, width, 3), to be filled before
    :meth:`infer`. Used from one thread only: the one that made it.
    """

    #: Key in :data:`RUNTIMES`.
    name = ''
    #: One readable line: library, version, device, threads, precision.
    description = ''
    #: (height, width, 3) uint8, filled by the caller.
    input: np.ndarray

    @classmethod
    def open(cls, bundle: Bundle, threads: int, policy: EnginePolicy) -> Runtime:
        """
        Load ``bundle`` on this thread.

        :param threads: CPU threads, 0 leaves it to the library.
        :param policy: :class:`~effvit_ros.core.engine_policy.EnginePolicy`, for runtimes that
            build an engine.
        """
        return cls(bundle, threads)  # type: ignore[call-arg]

    @abstractmethod
    def infer(self) -> np.ndarray:
        """
        Run the graph on :attr:`input`.

        :returns: scores, (classes, rows, columns) float32; of a bundle of format 1 or 2 class
            ids, (height, width) uint8. Valid until the next call.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the graph and its buffers; a second call does nothing."""


def check_interface(bundle: Bundle, graph: Graph, input_shape: Sequence[int],
                    output_shape: Sequence[int]) -> None:
    """
    Compare a loaded graph's shapes with the manifest's.

    :raises BundleError: when they differ.
    """
    wanted_out: Any = [1, bundle.height, bundle.width]
    if bundle.gives_scores:  # on a grid of whatever size the network has
        wanted_out = [1, len(bundle.classes), *list(output_shape)[2:4]]
        if len(output_shape) != 4:
            wanted_out = f'[1, {len(bundle.classes)}, rows, columns]'
    for what, found, wanted in (
            ('input', input_shape, [1, bundle.height, bundle.width, 3]),
            ('output', output_shape, wanted_out)):
        if list(found) != wanted:
            raise BundleError(
                f'{graph.path}: its {what} is {list(found)}, the manifest asks for {wanted}: '
                'export the bundle again')
