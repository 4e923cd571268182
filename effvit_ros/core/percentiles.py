"""The percentiles that reports and diagnostics tell."""
from __future__ import annotations

from typing import Any, Sequence, Tuple

import numpy as np


def percentiles(values: Any, percents: Sequence[float] = (50, 95)) -> Tuple:
    """Return the percentiles of ``values`` as floats, None for each where there are no values."""
    if not len(values):
        return (None,) * len(percents)
    return tuple(np.percentile(values, percents).tolist())
