"""The engine for a bundle on this machine: found, or built as the policy allows."""
from __future__ import annotations

from effvit_ros.core.bundle import Bundle
from effvit_ros.core.engine_policy import EnginePolicy
from effvit_ros.core.runtimes.tensorrt.build_job import BuildJob
from effvit_ros.core.runtimes.tensorrt.building import run_build
from effvit_ros.core.runtimes.tensorrt.cuda import Gpu
from effvit_ros.core.runtimes.tensorrt.key import key_for
from effvit_ros.core.runtimes.tensorrt.library import Library
from effvit_ros.core.runtimes.tensorrt.parity import parity_available
from effvit_ros.core.runtimes.tensorrt.store import (
    cache_folder,
    EngineError,
    find_engine,
    Lookup,
    require_writable,
)


def provide_engine(bundle: Bundle, library: Library, gpu: Gpu, policy: EnginePolicy) -> Lookup:
    """
    Return the :class:`~effvit_ros.core.runtimes.tensorrt.store.Lookup` of an engine for ``gpu``.

    A new engine is checked against the graph where onnx and onnxruntime are installed.

    :raises BundleError: the bundle lacks the graph that this release builds from.
    :raises EngineError: there is none and the policy or the machine allows no build.
    """
    key = key_for(library, bundle, gpu.name, (gpu.compute_capability,))
    found = find_engine(bundle, key)
    if found.data is not None:
        return found
    if policy.build == 'never':
        raise EngineError(
            f'{found.reason}; engine_build is never: run build_engine --bundle {bundle.path} '
            f'--runtime {library.name.replace("_", "-")} or set engine_build to auto')
    folder = cache_folder()
    require_writable(folder)
    policy.progress(f'{found.reason}: building one, which takes minutes on a small board')
    path = run_build(
        BuildJob(bundle=str(bundle.path), runtime=library.name, out=f'{folder}/',
                 timing=str(folder), check=parity_available()),
        policy.progress, policy.cancelled)
    policy.progress(f'built {path}')
    found = find_engine(bundle, key)
    if found.data is None:
        raise EngineError(f'the new engine {path} does not fit: {found.reason}')
    return found
