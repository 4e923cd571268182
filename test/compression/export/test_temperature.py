"""The temperature of a bundle's confidence."""
from __future__ import annotations

import numpy as np
import pytest

from effvit_compression.export.temperature import best_temperature


@pytest.mark.parametrize('factor', [0.5, 1.0, 3.0])
def test_scores_that_are_too_sure_are_softened_by_as_much(factor):
    rng = np.random.default_rng(0)
    honest = rng.normal(size=(20000, 5)) * 2
    chances = np.exp(honest) / np.exp(honest).sum(1, keepdims=True)
    truth = (chances.cumsum(1) > rng.random((20000, 1))).argmax(1)
    assert best_temperature(honest * factor, truth) == pytest.approx(factor, rel=0.05)
