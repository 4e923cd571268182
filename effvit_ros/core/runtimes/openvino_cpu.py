"""OpenVINO on the CPU: the fastest runtime on x86."""
from __future__ import annotations

from typing import Any, Dict

import numpy as np

from effvit_ros.core.bundle import Bundle, BundleError
from effvit_ros.core.runtime import check_interface, Runtime, RuntimeUnavailable


def compile_options(threads: int) -> Dict[str, Any]:
    """Return how a graph is compiled for so many CPU threads (0: OpenVINO's choice)."""
    # Left alone, OpenVINO picks bf16 on CPUs that have it, which is slower on small models.
    found: Dict[str, Any] = {'INFERENCE_PRECISION_HINT': 'f32', 'PERFORMANCE_HINT': 'LATENCY'}
    if threads:
        found['INFERENCE_NUM_THREADS'] = threads
    return found


class OpenVinoRuntime(Runtime):
    """
    The bundle's graph on OpenVINO's CPU plugin, one request.

    It is the fp32 graph unless the bundle prefers another for ``openvino``; what is not
    quantised in it is computed in FP32.
    """

    name = 'openvino'

    def __init__(self, bundle: Bundle, threads: int = 0) -> None:
        """
        Compile the graph for ``threads`` CPU threads (0: OpenVINO's choice).

        :raises RuntimeUnavailable: OpenVINO is not installed.
        :raises BundleError: the graph can't be read or has other shapes than the manifest says.
        """
        try:
            import openvino
        except ImportError as error:
            raise RuntimeUnavailable(
                f'openvino is not installed ({error}): pip install openvino') from None
        graph = bundle.graph_for(self.name)
        core = openvino.Core()
        try:
            compiled = core.compile_model(
                core.read_model(graph.read()), 'CPU', compile_options(threads))
        except RuntimeError as error:
            problem = str(error).strip().splitlines()[-1]
            raise BundleError(f'{graph.path}: OpenVINO cannot load it: {problem}') from None
        check_interface(bundle, graph, compiled.input().shape, compiled.output().shape)
        batch = np.zeros((1, bundle.height, bundle.width, 3), np.uint8)
        self.input = batch[0]
        self._request = compiled.create_infer_request()
        self._request.set_input_tensor(openvino.Tensor(batch, shared_memory=True))
        self._output = self._request.get_output_tensor().data[0]
        version = openvino.__version__.split('-')[0]
        used = compiled.get_property('INFERENCE_NUM_THREADS')
        self.description = f'OpenVINO {version}, CPU, {used} threads, {graph.precision}'

    def infer(self) -> np.ndarray:
        """Run the graph; see :meth:`Runtime.infer`."""
        self._request.infer()
        return self._output

    def close(self) -> None:
        """Release the compiled graph."""
        self._request = self._output = None
