"""One build inside this process: graph in, engine bytes out, on any release of TensorRT."""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence, Tuple

from effvit_ros.core.graph import Graph
from effvit_ros.core.runtimes.tensorrt.library import Library
from effvit_ros.core.runtimes.tensorrt.store import EngineError

#: Layers that sum, divide or raise: they overflow or lose digits in FP16. For releases that
#: choose the precisions themselves; elsewhere the FP16 graph says it.
DELICATE_LAYERS = ('SOFTMAX', 'REDUCE', 'NORMALIZATION', 'TOPK', 'UNARY')
#: Element-wise operations of a LayerNormalization that the graph spells out.
DELICATE_OPERATIONS = ('POW', 'DIV')


def build(library: Library, graph: Graph, workspace_mb: int, timing: bytes = b'',
          compute_capabilities: Sequence[str] = (),
          on_phase: Callable[[str], object] = lambda name: None) -> Tuple[bytes, bytes]:
    """
    Return (engine bytes, timing cache bytes).

    Needs the GPU and its CUDA context on this thread, but for TensorRT for RTX, which compiles
    ahead for the given compute capabilities.

    :param timing: what an earlier build returned; kernels that are in it aren't timed again.
    :param on_phase: called with the name of each phase, where the release tells.
    :raises EngineError: the graph can't be parsed or built, memory runs out.
    """
    trt = library.module
    builder = trt.Builder(library.logger)
    network = builder.create_network(_network_flags(library))
    parser = trt.OnnxParser(network, library.logger)
    if not parser.parse(graph.read()):
        raise EngineError(
            f'{graph.path}: {library.name} {library.version} cannot read it: '
            f'{_parser_error(parser)}: export the bundle again for this release')
    config = builder.create_builder_config()
    workspace = workspace_mb << 20
    if hasattr(config, 'set_memory_pool_limit'):
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)
    else:
        config.max_workspace_size = workspace
    if not library.strongly_typed:
        _choose_fp16(trt, network, config)
    if compute_capabilities:
        _compile_for(library, config, compute_capabilities)
    if hasattr(trt, 'IProgressMonitor') and hasattr(config, 'progress_monitor'):
        config.progress_monitor = _make_monitor(trt, on_phase)
    # TensorRT for RTX times nothing at build time.
    cache = None if library.for_rtx else _use_timing(config, timing)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise EngineError(
            f'{graph.path}: {library.name} {library.version} built no engine: '
            f'{library.last_error() or "it gave no reason"}')
    return bytes(engine), b'' if cache is None else bytes(cache.serialize())


def supported_capabilities(library: Library) -> List[str]:
    """Return the compute capabilities that TensorRT for RTX compiles for, such as 8.6."""
    names = [n[2:] for n in dir(library.module.ComputeCapability) if n.startswith('SM')]
    return sorted((f'{n[:-1]}.{n[-1]}' for n in names), key=float)


def _network_flags(library: Library) -> int:
    flags = library.module.NetworkDefinitionCreationFlag
    name = 'STRONGLY_TYPED' if library.strongly_typed else 'EXPLICIT_BATCH'
    # Gone where it is the only way.
    return 1 << int(getattr(flags, name)) if hasattr(flags, name) else 0


def _choose_fp16(trt: Any, network: Any, config: Any) -> None:
    """Let the builder use FP16, but for the layers that need the range of FP32."""
    config.set_flag(trt.BuilderFlag.FP16)
    config.set_flag(trt.BuilderFlag.OBEY_PRECISION_CONSTRAINTS)
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        kind = layer.type.name
        if kind == 'ELEMENTWISE':
            layer.__class__ = trt.IElementWiseLayer
            delicate = layer.op.name in DELICATE_OPERATIONS
        else:
            delicate = kind in DELICATE_LAYERS
        if delicate and layer.get_output(0).dtype == trt.float32:
            layer.precision = trt.float32
            layer.set_output_type(0, trt.float32)


def _compile_for(library: Library, config: Any, compute_capabilities: Sequence[str]) -> None:
    supported = supported_capabilities(library)
    unknown = [c for c in compute_capabilities if c not in supported]
    if unknown:
        raise EngineError(
            f'{library.name} {library.version} has no compute capability {", ".join(unknown)}: '
            f'it compiles for {", ".join(supported)}; other GPUs need --runtime tensorrt')
    config.num_compute_capabilities = len(compute_capabilities)
    for index, text in enumerate(compute_capabilities):
        capability = getattr(library.module.ComputeCapability, 'SM' + text.replace('.', ''))
        config.set_compute_capability(capability, index)


def _use_timing(config: Any, timing: bytes) -> Any:
    cache = config.create_timing_cache(timing)
    if cache is None or not config.set_timing_cache(cache, False):
        # Of another GPU or release: TensorRT says so and wants a fresh one.
        cache = config.create_timing_cache(b'')
        config.set_timing_cache(cache, False)
    return cache


def _parser_error(parser: Any) -> str:
    errors = [parser.get_error(i) for i in range(parser.num_errors)]
    return ' '.join(errors[0].desc().split()) if errors else 'it gave no reason'


def _make_monitor(trt: Any, on_phase: Callable[[str], object]) -> Any:
    class Monitor(trt.IProgressMonitor):
        """Tells the names of the outer phases; the inner ones change too fast to read."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, name: str, parent: Optional[str], steps: int) -> None:
            """Tell one phase."""
            on_phase(name)

        def step_complete(self, name: str, step: int) -> bool:
            """Go on."""
            return True

        def phase_finish(self, name: str) -> None:
            """Take note of nothing."""

    return Monitor()
