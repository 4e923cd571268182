"""
torch on the GPU as a yardstick: FP16 eager and compiled, batch 1.

``python -m effvit_compression.profiling.gpu_yardstick NAME BUNDLE PICTURES`` prints one JSON
object; ``effvit_ros.gpu_check`` runs it in turn with the engines.
"""
from __future__ import annotations

import json
import sys
from typing import Callable, Dict, List

import numpy as np
import torch

from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build
from effvit_ros.core.bundle import Bundle, load_bundle
from effvit_ros.core.errors import reports_user_errors, UserError

WARM_UP, RUNS = 20, 200


def measure(bundle: Bundle) -> Dict[str, object]:
    """
    Time the bundle's architecture with random weights, on which time does not depend.

    Between two CUDA events: normalisation, network, upsampling and argmax, as in the engine.

    :raises UserError: torch has no CUDA, or the manifest names no architecture.
    """
    if not torch.cuda.is_available():
        raise UserError(f'torch {torch.__version__} finds no CUDA: install its CUDA build')
    fields = bundle.manifest.get('architecture')
    if fields is None:
        raise UserError(f'{bundle.path}: its manifest names no architecture')
    architecture = Architecture.model_validate({**fields, 'classes': bundle.class_set})
    net = build(architecture).eval().half().cuda()
    image = torch.randint(0, 256, (1, 3, bundle.height, bundle.width), device='cuda',
                          dtype=torch.uint8)
    parts: List[Dict[str, object]] = []
    with torch.inference_mode():
        for mode, run in (('eager', net), ('compiled', torch.compile(net, mode='max-autotune'))):
            parts.append({
                'description': f'torch {torch.__version__}, FP16 {mode}',
                'engine_ms': _time(lambda: run(image).argmax(1).to(torch.uint8)),
                'gpu_memory_peak_mb': torch.cuda.max_memory_allocated() >> 20})
    return {'gpu': torch.cuda.get_device_name(), 'parts': parts}


def _time(call: Callable[[], object]) -> Dict[str, float]:
    taken = []
    for _ in range(WARM_UP + RUNS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        torch.cuda.synchronize()
        taken.append(start.elapsed_time(end))
    p50, p95 = np.percentile(taken[WARM_UP:], (50, 95)).tolist()
    return {'p50_ms': p50, 'p95_ms': p95, 'count': RUNS}


@reports_user_errors
def main() -> int:
    """Measure and print; returns the exit code."""
    print(json.dumps(measure(load_bundle(sys.argv[2]))))
    return 0


if __name__ == '__main__':
    sys.exit(main())
