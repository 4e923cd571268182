"""The front of a plot of time against score."""
from __future__ import annotations

from effvit_compression.ablation.plots import front_of


def test_on_the_front_no_quicker_one_scores_as_much():
    points = [(9.0, 0.50, 'slow and poor'), (4.0, 0.40, 'quick'), (4.0, 0.45, 'as quick'),
              (8.0, 0.60, 'good'), (12.0, 0.60, 'as good, slower'), (15.0, 0.61, 'best')]
    assert [name for _, _, name in front_of(points)] == ['as quick', 'good', 'best']
