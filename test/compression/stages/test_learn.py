"""What a training tells of its progress."""
from __future__ import annotations

from types import SimpleNamespace

from effvit_compression.stages.learn import Progress


def test_a_resumed_training_goes_on_where_it_was():
    """The first figures after a restart are those of iteration 520: 520 are behind, not 20."""
    advanced = []
    told = Progress(SimpleNamespace(log_dict=lambda values, step: None), advanced.append)
    for iteration in (520, 540, 800):
        told(iteration, {})
    assert advanced == [520, 20, 260]
