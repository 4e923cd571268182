"""What graphs cost where they run: file, latency, memory."""
from __future__ import annotations

from typing import Dict, Mapping

from effvit_compression.profiling.latency import present_runtimes, side_by_side
from effvit_compression.profiling.peak_memory import peak_memory
from effvit_ros.core.bundle import Bundle, CPU_RUNTIMES


def in_precision(bundle: Bundle, precision: str) -> Bundle:
    """Return the bundle with its graph of a precision preferred on CPUs."""
    for runtime in CPU_RUNTIMES:
        bundle = bundle.preferring(runtime, precision)
    return bundle


def costs(bundles: Mapping[str, Bundle]) -> Dict[str, Dict[str, float]]:
    """
    Columns of a table by bundle's key, for the graph that each prefers on CPUs.

    Size in 10^6 bytes; for every runtime present the median time of an inference, all of them in
    turns in one run, and the peak memory of a process that only runs the graph.
    """
    runtimes = present_runtimes(next(iter(bundles.values())))
    latencies = side_by_side(bundles, runtimes)
    return {key: {
        'file, MB': len(bundle.graph_for(CPU_RUNTIMES[0]).read()) / 1e6,
        **{f'{name}, ms': latencies[key, name] for name in runtimes},
        **{f'{name}, peak MB': round(peak_memory(bundle, name)) for name in runtimes},
    } for key, bundle in bundles.items()}
