"""
The stages of a run, one a file, in the order of ``ORDER``.

Each has ``NEEDS`` (earlier stages whose results it reads), ``depends_on(recipe)`` (the settings
that decide its result; None where the recipe leaves it out) and ``run(run, place)``, which
works in its own folder, may find there what an interrupted run left, and returns its figures.

With several processes a stage runs on rank 0 alone, unless it says ``TOGETHER``: then every
process calls ``run``, and what writes goes through ``ranks.by_first``.
"""
from effvit_compression.stages import (
    baseline,
    data,
    distill,
    export,
    finetune,
    prune,
    quantize,
    report,
    teacher,
    teachers,
    transformer,
)

ORDER = (data, teacher, teachers, transformer, baseline, distill, prune, finetune, quantize,
         export, report)
