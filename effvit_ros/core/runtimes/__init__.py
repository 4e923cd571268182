"""
The runtimes that execute a bundle's graph, one file each behind one small interface.

A new runtime is one file with a class that follows :class:`Runtime` and one line in
:data:`RUNTIMES`; :data:`GPU_ORDER` and :data:`CPU_ORDER` say in which order ``auto`` tries them.
"""
from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from abc import ABC, abstractmethod

import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.core.runtimes.policy import EnginePolicy

#: Name -> where its class is; imported only when it is asked for.
RUNTIMES = {
    'tensorrt': ('effvit_ros.core.runtimes.tensorrt.runtime', 'TensorRtRuntime'),
    'tensorrt_rtx': ('effvit_ros.core.runtimes.tensorrt.runtime', 'TensorRtRtxRuntime'),
    'openvino': ('effvit_ros.core.runtimes.openvino_cpu', 'OpenVinoRuntime'),
    'onnxruntime': ('effvit_ros.core.runtimes.onnxruntime_cpu', 'OnnxRuntimeRuntime'),
}
#: What ``auto`` tries where there is an NVIDIA GPU.
GPU_ORDER = ('tensorrt', 'tensorrt_rtx')
#: OpenVINO is the fastest on x86, ONNX Runtime runs anywhere.
CPU_ORDER = ('openvino', 'onnxruntime')
#: What the drivers of NVIDIA cards, Jetson boards and WSL 2 make.
_GPU_DEVICES = ('/dev/nvidia0', '/dev/nvmap', '/dev/nvhost-gpu', '/dev/dxg')


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
    def open(cls, bundle, threads, policy):
        """
        Load ``bundle`` on this thread.

        :param threads: CPU threads, 0 leaves it to the library.
        :param policy: :class:`~effvit_ros.core.runtimes.policy.EnginePolicy`, for runtimes that
            build an engine.
        """
        return cls(bundle, threads)

    @abstractmethod
    def infer(self) -> np.ndarray:
        """
        Run the graph on :attr:`input`.

        :returns: scores, (classes, rows, columns) float32; of a bundle of format 1 or 2 class
            ids, (height, width) uint8. Valid until the next call.
        """

    @abstractmethod
    def close(self):
        """Release the graph and its buffers; a second call does nothing."""


def open_runtime(bundle, name='auto', threads=0, policy=EnginePolicy()):
    """
    Load ``bundle`` into the runtime ``name`` and return it with what ``auto`` passed over.

    ``auto`` tries the GPU runtimes only where there is an NVIDIA GPU, and passes over one that
    has no engine; it takes the first CPU runtime that is installed.

    :param threads: inference threads, 0 leaves it to the library.
    :param policy: what a GPU runtime may do about a missing engine.
    :returns: (:class:`Runtime`, list of one-line reasons why earlier choices were passed over)
    :raises UserError: an unknown name.
    :raises RuntimeUnavailable: the runtime is not installed, or ``auto`` found none.
    """
    if name != 'auto':
        if name not in RUNTIMES:
            raise UserError(
                f"runtime '{name}' is unknown: give one of auto, {', '.join(RUNTIMES)}")
        return _runtime_class(name).open(bundle, threads, policy), []
    passed_over = []
    for candidates, reason_to_pass in ((_gpu_candidates(passed_over), UserError),
                                       (CPU_ORDER, RuntimeUnavailable)):
        for candidate in candidates:
            try:
                runtime = _runtime_class(candidate).open(bundle, threads, policy)
                return runtime, passed_over
            except reason_to_pass as error:
                passed_over.append(str(error))
    raise RuntimeUnavailable('no runtime is installed: ' + '; '.join(passed_over))


def has_nvidia_gpu():
    """Return whether an NVIDIA driver made a device here; loads nothing."""
    return any(os.path.exists(path) for path in _GPU_DEVICES)


def why_fallback(name, passed_over):
    """
    Return why ``name`` runs although this machine has an NVIDIA GPU, '' where that is as asked.

    :param passed_over: what :func:`open_runtime` returned beside it.
    """
    if not passed_over or name in GPU_ORDER or not has_nvidia_gpu():
        return ''
    return f'{name} runs instead of the GPU: {passed_over[0]}'


def check_interface(bundle, graph, input_shape, output_shape):
    """
    Compare a loaded graph's shapes with the manifest's.

    :raises BundleError: when they differ.
    """
    from effvit_ros.core.bundle import BundleError
    wanted_out = [1, bundle.height, bundle.width]
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
                'export the bundle anew')


def _gpu_candidates(passed_over):
    """Return the GPU runtimes that ``auto`` shall try; a lack worth a line goes to the list."""
    installed = [name for name in GPU_ORDER if _is_installed(name)]
    if not has_nvidia_gpu():
        if installed:
            passed_over.append(f'{", ".join(installed)}: no NVIDIA GPU in this machine')
        return ()
    if not installed:
        passed_over.append(
            'tensorrt: not installed, although there is an NVIDIA GPU: see docs/tensorrt.md')
    return installed


def _is_installed(module):
    """Return whether ``module`` could be imported, without importing it."""
    if module in sys.modules:
        return sys.modules[module] is not None
    return importlib.util.find_spec(module) is not None


def _runtime_class(name):
    module, attribute = RUNTIMES[name]
    return getattr(importlib.import_module(module), attribute)
