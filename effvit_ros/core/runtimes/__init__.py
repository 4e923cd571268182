"""
The runtimes that execute a bundle's graph, one file each behind one small interface.

A new runtime is one file with a class that follows
:class:`~effvit_ros.core.runtime.Runtime` and one line in :data:`RUNTIMES`; one that needs a
processor of its own also has a line in :data:`ACCELERATORS`.
"""
from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Callable, List, NamedTuple, Sequence, Tuple, Type

from effvit_ros.core.bundle import Bundle, CPU_RUNTIMES
from effvit_ros.core.engine_policy import EnginePolicy
from effvit_ros.core.errors import UserError
from effvit_ros.core.machine import has_nvidia_gpu
from effvit_ros.core.runtime import Runtime, RuntimeUnavailable

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
CPU_ORDER = CPU_RUNTIMES


def open_runtime(bundle: Bundle, name: str = 'auto', threads: int = 0,
                 policy: EnginePolicy = EnginePolicy()) -> Tuple[Runtime, List[str]]:
    """
    Load ``bundle`` into the runtime ``name`` and return it with what ``auto`` passed over.

    ``auto`` tries an accelerator's runtimes only where the accelerator is there, and passes over
    one that has no engine; it takes the first CPU runtime that is installed.

    :param threads: inference threads, 0 leaves it to the library.
    :param policy: what a GPU runtime may do about a missing engine.
    :returns: (:class:`~effvit_ros.core.runtime.Runtime`, list of one-line reasons why
        earlier choices were passed over)
    :raises UserError: an unknown name.
    :raises RuntimeUnavailable: the runtime is not installed, or ``auto`` found none.
    """
    if name != 'auto':
        if name not in RUNTIMES:
            raise UserError(
                f"runtime '{name}' is unknown: give one of auto, {', '.join(RUNTIMES)}")
        return _runtime_class(name).open(bundle, threads, policy), []
    passed_over: List[str] = []
    for candidates, reason_to_pass in ((_accelerated(passed_over), UserError),
                                       (CPU_ORDER, RuntimeUnavailable)):
        for candidate in candidates:
            try:
                runtime = _runtime_class(candidate).open(bundle, threads, policy)
                return runtime, passed_over
            except reason_to_pass as error:
                passed_over.append(str(error))
    raise RuntimeUnavailable('no runtime is installed: ' + '; '.join(passed_over))


def why_fallback(name: str, passed_over: Sequence[str]) -> str:
    """
    Return why ``name`` runs although this machine has an NVIDIA GPU, '' where that is as asked.

    :param passed_over: what :func:`open_runtime` returned with it.
    """
    if not passed_over or name in GPU_ORDER or not has_nvidia_gpu():
        return ''
    return f'{name} runs instead of the GPU: {passed_over[0]}'


class Accelerator(NamedTuple):
    """A processor that some runtimes need, and what to say where these are not installed."""

    name: str
    is_present: Callable[[], bool]
    runtimes: Tuple[str, ...]
    hint: str


#: What ``auto`` looks for before it takes the CPU, the fastest first.
ACCELERATORS = (
    Accelerator('NVIDIA GPU', has_nvidia_gpu, GPU_ORDER, 'see docs/tensorrt.md'),
)


def _accelerated(passed_over: List[str]) -> List[str]:
    """Return the runtimes that ``auto`` shall try before the CPU's; lacks go to the list."""
    found = []
    for accelerator in ACCELERATORS:
        installed = [name for name in accelerator.runtimes if _is_installed(name)]
        if accelerator.is_present():
            found += installed
            if not installed:
                passed_over.append(f'{accelerator.runtimes[0]}: not installed, although there is '
                                   f'an {accelerator.name}: {accelerator.hint}')
        elif installed:
            passed_over.append(f'{", ".join(installed)}: no {accelerator.name} in this machine')
    return found


def _is_installed(module: str) -> bool:
    """Return whether ``module`` could be imported, without importing it."""
    if module in sys.modules:
        return sys.modules[module] is not None
    return importlib.util.find_spec(module) is not None


def _runtime_class(name: str) -> Type[Runtime]:
    module, attribute = RUNTIMES[name]
    return getattr(importlib.import_module(module), attribute)
