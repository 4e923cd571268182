"""
The stages of a run, one a file, in the order of ``ORDER``.

Each is a :class:`effvit_compression.pipeline.Stage`. One that says ``TOGETHER`` is run by every
process, and writes through ``ranks.on_rank_zero``.
"""
from typing import Tuple

from effvit_compression.pipeline import Stage
from effvit_compression.stages import (
    average,
    baseline,
    data,
    distill,
    export,
    finetune,
    offsets,
    prune,
    quantize,
    report,
    teacher,
    teachers,
    transformer,
)

ORDER: Tuple[Stage, ...] = (data, teacher, teachers, transformer, baseline, distill, prune,
                            finetune, average, offsets, quantize, export, report)
