"""What a log says of long work."""
from __future__ import annotations

from types import SimpleNamespace

from effvit_compression import progress
from effvit_compression.stages.learn import Progress


def test_a_resumed_training_goes_on_where_it_was(capsys, monkeypatch):
    """The first figures after a restart are those of iteration 520: 520 are behind, not 20."""
    monkeypatch.setattr(progress, 'PERIOD_S', -1.0)
    fabric = SimpleNamespace(log_dict=lambda values, step: None)
    with progress.steps('distill', 800) as advance:
        told = Progress(fabric, advance)
        for iteration in (520, 540, 800):
            told(iteration, {})
    lines = [line.split(',')[0] for line in capsys.readouterr().err.splitlines()]
    assert lines == ['distill: 520/800', 'distill: 540/800', 'distill: 800/800']
