"""ONNX Runtime on the CPU: runs on any platform that has its wheel."""
from __future__ import annotations

from typing import Any, Tuple

import numpy as np

from effvit_ros.core.bundle import Bundle, BundleError
from effvit_ros.core.runtime import check_interface, Runtime, RuntimeUnavailable

#: The first release that reads ONNX IR 10, in which bundles are exported.
OLDEST = (1, 18)


def session_options(threads: int) -> Any:
    """Return how ONNX Runtime opens a graph for so many CPU threads (0: one for each core)."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return options


class OnnxRuntimeRuntime(Runtime):
    """
    The bundle's graph on ONNX Runtime's CPU provider, with bound buffers.

    It is the fp32 graph unless the bundle prefers another for ``onnxruntime``.
    """

    name = 'onnxruntime'

    def __init__(self, bundle: Bundle, threads: int = 0) -> None:
        """
        Load the graph for ``threads`` CPU threads (0: one for each core).

        :raises RuntimeUnavailable: ONNX Runtime is missing, too old or can't run the graph.
        :raises BundleError: the graph can't be read or has other shapes than the manifest says.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise RuntimeUnavailable(
                f'onnxruntime is not installed ({error}): pip install onnxruntime') from None
        graph = bundle.graph_for(self.name)
        try:
            self._session = onnxruntime.InferenceSession(
                graph.read(), session_options(threads), providers=['CPUExecutionProvider'])
        except Exception as error:  # ORT's exception types are private to its binding
            problem = str(error).strip().splitlines()[-1]
            if _version(onnxruntime.__version__) < OLDEST:
                raise RuntimeUnavailable(
                    f'onnxruntime {onnxruntime.__version__} is too old for {graph.path}: it '
                    'takes %d.%d or newer (pip install --upgrade pip, then pip install '
                    "'onnxruntime>=%d.%d')" % (OLDEST + OLDEST)) from None
            raise BundleError(f'{graph.path}: ONNX Runtime cannot load it: {problem}') from None
        source, target = self._session.get_inputs()[0], self._session.get_outputs()[0]
        check_interface(bundle, graph, source.shape, target.shape)
        self._batch = np.zeros(source.shape, np.uint8)
        kind = np.float32 if bundle.gives_scores else np.uint8
        self._output = np.zeros(target.shape, kind)
        self.input = self._batch[0]
        self._binding = self._session.io_binding()
        self._binding.bind_input(
            source.name, 'cpu', 0, np.uint8, self._batch.shape, self._batch.ctypes.data)
        self._binding.bind_output(
            target.name, 'cpu', 0, kind, self._output.shape, self._output.ctypes.data)
        used = threads or 'all'
        self.description = (f'ONNX Runtime {onnxruntime.__version__}, CPU, {used} threads, '
                            f'{graph.precision}')
        try:
            self._session.run_with_iobinding(self._binding)
        except Exception as error:  # such as an INT8 graph that was made for OpenVINO
            problem = str(error).strip().splitlines()[-1]
            raise RuntimeUnavailable(
                f'{graph.path}: ONNX Runtime loads it but cannot run it: take another runtime, or '
                f'its fp32 graph ({problem[:200]})') from None

    def infer(self) -> np.ndarray:
        """Run the graph; see :meth:`Runtime.infer`."""
        self._session.run_with_iobinding(self._binding)
        return self._output[0]

    def close(self) -> None:
        """Release the session."""
        self._binding = self._session = None


def _version(text: str) -> Tuple[int, ...]:
    """Return (major, minor) of a text such as 1.17.3."""
    return tuple(int(part) for part in text.split('.')[:2])
