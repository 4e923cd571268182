"""
The runtimes that execute a bundle's graph, one file each behind one small interface.

A new runtime is one file with a class that follows :class:`Runtime` and one line in
:data:`RUNTIMES`; :data:`AUTO_ORDER` says in which order ``auto`` tries them.
"""
from __future__ import annotations

import importlib
from abc import ABC, abstractmethod

import numpy as np

from effvit_ros.core.errors import UserError

#: Name -> where its class is; imported only when it is asked for.
RUNTIMES = {
    'openvino': ('effvit_ros.core.runtimes.openvino_cpu', 'OpenVinoRuntime'),
    'onnxruntime': ('effvit_ros.core.runtimes.onnxruntime_cpu', 'OnnxRuntimeRuntime'),
}
#: OpenVINO is the fastest on x86, ONNX Runtime runs anywhere.
AUTO_ORDER = ('openvino', 'onnxruntime')


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

    @abstractmethod
    def infer(self) -> np.ndarray:
        """Run the graph on :attr:`input`; (height, width) uint8, valid until the next call."""

    @abstractmethod
    def close(self):
        """Release the graph and its buffers; a second call does nothing."""


def open_runtime(bundle, name='auto', threads=0):
    """
    Load ``bundle`` into the runtime ``name`` and return it with what ``auto`` passed over.

    :param threads: inference threads, 0 leaves it to the library.
    :returns: (:class:`Runtime`, list of one-line reasons why earlier choices were passed over)
    :raises UserError: an unknown name.
    :raises RuntimeUnavailable: the runtime is not installed, or ``auto`` found none.
    """
    if name == 'auto':
        passed_over = []
        for candidate in AUTO_ORDER:
            try:
                return _runtime_class(candidate)(bundle, threads), passed_over
            except RuntimeUnavailable as error:
                passed_over.append(str(error))
        raise RuntimeUnavailable('no runtime is installed: ' + '; '.join(passed_over))
    if name not in RUNTIMES:
        raise UserError(
            f"runtime '{name}' is unknown: give one of auto, {', '.join(RUNTIMES)}")
    return _runtime_class(name)(bundle, threads), []


def check_interface(bundle, graph, input_shape, output_shape):
    """
    Compare a loaded graph's shapes with the manifest's.

    :raises BundleError: when they differ.
    """
    from effvit_ros.core.bundle import BundleError
    wanted_in, wanted_out = [1, bundle.height, bundle.width, 3], [1, bundle.height, bundle.width]
    for what, found, wanted in (('input', input_shape, wanted_in),
                                ('output', output_shape, wanted_out)):
        if list(found) != wanted:
            raise BundleError(
                f'{graph.path}: its {what} is {list(found)}, the manifest asks for {wanted}: '
                'export the bundle anew')


def _runtime_class(name):
    module, attribute = RUNTIMES[name]
    return getattr(importlib.import_module(module), attribute)
