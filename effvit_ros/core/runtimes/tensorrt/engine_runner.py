"""One engine in a CUDA context: buffers, copies and execution, in order, on one stream."""
from __future__ import annotations

from typing import Tuple

import numpy as np

from effvit_ros.core.bundle import Bundle
from effvit_ros.core.graph import Graph
from effvit_ros.core.runtime import check_interface
from effvit_ros.core.runtimes.tensorrt.cuda import Cuda
from effvit_ros.core.runtimes.tensorrt.execution import open_execution, Tensor
from effvit_ros.core.runtimes.tensorrt.library import Library
from effvit_ros.core.runtimes.tensorrt.store import EngineError


class EngineRunner:
    """
    An engine ready to run.

    ``input`` is (height, width, 3) uint8, filled by the caller: where the engine takes 8-bit
    pixels it is the page-locked buffer itself.
    """

    def __init__(self, library: Library, data: bytes, bundle: Bundle, graph: Graph, cuda: Cuda,
                 origin: object) -> None:
        """
        Deserialise ``data`` and allocate its buffers.

        :param graph: the bundle's graph that it was built from.
        :param cuda: an open :class:`~effvit_ros.core.runtimes.tensorrt.cuda.Cuda`, left open by
            :meth:`close`.
        :param origin: where the engine is from, for messages.
        :raises EngineError: TensorRT can't load it.
        :raises BundleError: its shapes are not the bundle's.
        """
        self._cuda = cuda
        self._library = library
        self._execution = self._engine = None
        self._runtime = library.module.Runtime(library.logger)
        try:
            self._engine = self._runtime.deserialize_cuda_engine(data)
            if self._engine is None:
                raise EngineError(
                    f'{origin}: {library.name} {library.version} cannot load it: '
                    f'{library.last_error() or "it gave no reason"}; delete it and build again')
            self._execution = open_execution(self._engine)
            source, target = self._input_and_output(origin)
            check_interface(bundle, graph, source.shape, target.shape)
            self._source = cuda.buffer(source.shape, source.dtype)
            self._target = cuda.buffer(target.shape, target.dtype)
            self._execution.bind({source.name: self._source.address,
                                  target.name: self._target.address})
        except BaseException:
            self.close()
            raise
        self._converts = source.dtype is not np.uint8
        self.input = (np.zeros(source.shape[1:], np.uint8) if self._converts
                      else self._source.host[0])
        # Not the page-locked buffer: who reads the output after close() would crash.
        self._output = np.zeros(
            target.shape[1:], np.float32 if bundle.gives_scores else np.uint8)

    def infer(self) -> np.ndarray:
        """Run the engine on :attr:`input`; see :meth:`Runtime.infer`."""
        if self._converts:
            np.copyto(self._source.host[0], self.input)
        self._cuda.upload(self._source)
        self.enqueue()
        self._cuda.download(self._target)
        self._cuda.synchronize()
        np.copyto(self._output, self._target.host[0], casting='unsafe')
        return self._output

    def enqueue(self) -> None:
        """Queue the execution alone, on what was uploaded last."""
        try:
            self._execution.enqueue(self._cuda.stream_handle)
        except RuntimeError as error:
            raise RuntimeError(f'{error}: {self._library.last_error()}') from None

    def close(self) -> None:
        """Release the engine; the buffers are the context's. A second call does nothing."""
        if self._execution is not None:
            self._execution.close()
        # In this order: TensorRT wants contexts gone before engines, engines before runtimes.
        self._execution = self._engine = self._runtime = None
        self.input = np.zeros((0, 0, 3), np.uint8)

    def _input_and_output(self, origin: object) -> Tuple[Tensor, Tensor]:
        tensors = self._execution.tensors
        sources = [t for t in tensors if t.is_input]
        targets = [t for t in tensors if not t.is_input]
        if len(sources) != 1 or len(targets) != 1:
            raise EngineError(f'{origin}: {len(sources)} inputs and {len(targets)} outputs: '
                              "a segmenter's engine has one of each")
        return sources[0], targets[0]
