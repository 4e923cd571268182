"""TensorRT FP16 on NVIDIA GPUs: boards (``tensorrt``) and RTX cards (``tensorrt_rtx``)."""
from __future__ import annotations

from typing import Optional

import numpy as np

from effvit_ros.core.bundle import Bundle
from effvit_ros.core.engine_policy import EnginePolicy
from effvit_ros.core.errors import UserError
from effvit_ros.core.runtime import Runtime
from effvit_ros.core.runtimes.tensorrt.building import MEMORY_HINT
from effvit_ros.core.runtimes.tensorrt.cuda import Cuda, first_gpu
from effvit_ros.core.runtimes.tensorrt.engine_runner import EngineRunner
from effvit_ros.core.runtimes.tensorrt.library import Library
from effvit_ros.core.runtimes.tensorrt.provide import provide_engine
from effvit_ros.core.runtimes.tensorrt.store import EngineError


class TensorRtRuntime(Runtime):
    """The bundle's engine, found in the cache or built; see docs/tensorrt.md."""

    name = 'tensorrt'
    #: As people write it.
    label = 'TensorRT'

    def __init__(self, bundle: Bundle, policy: EnginePolicy = EnginePolicy()) -> None:
        """
        Find or build the engine and load it into a context of its own on this thread.

        :raises RuntimeUnavailable: TensorRT, pycuda, the driver or a GPU is missing.
        :raises EngineError: there is no engine and none can be built, or it can't be loaded.
        :raises BundleError: the bundle lacks the graph that this TensorRT builds from.
        """
        library = Library(self.name)
        gpu = first_gpu()
        found = provide_engine(bundle, library, gpu, policy)
        self._runner: Optional[EngineRunner] = None
        self._cuda = Cuda()
        problem = None
        try:
            self._runner = EngineRunner(
                library, found.data, bundle, library.graph(bundle), self._cuda, found.path)
        except UserError as error:
            problem = type(error)(str(error))
        except Exception as error:  # pycuda's and TensorRT's types are their own
            problem = EngineError(
                f'{found.path}: it does not run on {gpu.name} ({gpu.memory_mb} MB): '
                f'{type(error).__name__}: {error}: {MEMORY_HINT}')
        if problem is not None:
            # Not above: the traceback would keep the engine alive beyond its context.
            self.close()
            raise problem
        self.description = (f'{self.label} {library.version}, {gpu.name} '
                            f'({gpu.compute_capability}), fp16, engine {found.path.name}')

    @classmethod
    def open(cls, bundle: Bundle, threads: int, policy: EnginePolicy) -> TensorRtRuntime:
        """Load ``bundle``; threads are the GPU's own."""
        return cls(bundle, policy)

    @property
    def input(self) -> np.ndarray:
        """Return the engine's input, (height, width, 3) uint8, to be filled."""
        return self._runner.input

    @property
    def cuda(self) -> Cuda:
        """Return the open context, for measuring."""
        return self._cuda

    def infer(self) -> np.ndarray:
        """Run the engine; see :meth:`Runtime.infer`."""
        return self._runner.infer()

    def enqueue(self) -> None:
        """Queue the engine's execution alone, for measuring."""
        self._runner.enqueue()

    def close(self) -> None:
        """Release the engine, its buffers and the context; a second call does nothing."""
        if self._runner is not None:
            self._cuda.require_own_thread()
            self._runner.close()
            self._runner = None
        self._cuda.close()


class TensorRtRtxRuntime(TensorRtRuntime):
    """The same by TensorRT for RTX: the engine fits every card of its compute capability."""

    name = 'tensorrt_rtx'
    label = 'TensorRT for RTX'
