"""A candidate costs what its parts cost; numbers worked by hand."""
from __future__ import annotations

import pytest

from effvit_compression.budget.candidates import Candidate, candidates
from effvit_compression.budget.cost_model import (
    all_parts,
    best_within,
    between,
    Cost,
    frontier,
    near_budget,
    Part,
    parts_of,
    predict,
)

TRUNK = Part('trunk', 'lite0', 0, 0.3, 'int8')
DECODER = Part('decoder', 'lite0', 16, 0.3, 'int8')
BLOCK = Part('block', 'lite0', 3, 0.0, 'int8')
COSTS = {(TRUNK, 256): Cost(2.0, 0.2), (TRUNK, 512): Cost(8.0, 0.8),
         (DECODER, 256): Cost(1.0, 0.1), (DECODER, 512): Cost(4.0, 0.4),
         (BLOCK, 256): Cost(0.5, 0.02), (BLOCK, 512): Cost(1.5, 0.10)}


def candidate(name, cut=0.0, precision='int8'):
    return Candidate(name, 16, 0, cut, 256, precision)


def test_a_candidate_is_its_trunk_its_decoder_and_its_block():
    assert parts_of(Candidate('lite0', 16, 0, 0.3, 384, 'int8')) == [TRUNK, DECODER]
    assert parts_of(Candidate('lite0', 16, 3, 0.3, 384, 'int8')) == [TRUNK, DECODER, BLOCK]


@pytest.mark.parametrize('side, ms', [(256, 2.0), (512, 8.0), (384, 4.5), (320, 3.125)])
def test_cost_grows_with_the_pixels(side, ms):
    # 384 lies (144 - 64) / (256 - 64) = 5/12 of the way from 256 to 512, in pixels; 320 3/16.
    assert between((256, 512), Cost(2.0, 0.2), Cost(8.0, 0.8), side).ms == pytest.approx(ms)


def test_the_prediction_adds_up_with_what_lies_around_the_graph():
    found = predict(Candidate('lite0', 16, 3, 0.3, 384, 'int8'), COSTS, (256, 512), 1.25)
    # 4.5 + (1 + 3 * 5/12) + (0.5 + 1 * 5/12) + 1.25
    assert found.ms == pytest.approx(4.5 + 2.25 + 11 / 12 + 1.25)
    assert found.gmacs == pytest.approx(0.45 + 0.225 + 0.02 + 0.08 * 5 / 12)


def test_on_the_frontier_nothing_cheaper_computes_as_much():
    small, slow, big = candidate('small'), candidate('slow'), candidate('big')
    predicted = {big: Cost(9.0, 3.0), slow: Cost(6.0, 1.0), small: Cost(5.0, 1.0)}
    assert frontier(predicted) == [small, big]


def test_of_equals_full_precision_and_uncut_channels_come_first():
    equals = [candidate('a', 0.3), candidate('a', 0.0), candidate('a', 0.0, 'fp32')]
    assert frontier(dict.fromkeys(equals, Cost(5.0, 1.0))) == [equals[2]]
    assert frontier(dict.fromkeys(equals[:2], Cost(5.0, 1.0))) == [equals[1]]


LADDER = [candidate(name) for name in 'abcdef']
PREDICTED = {step: Cost(float(number), float(number))
             for number, step in enumerate(LADDER, start=1)}  # 1 ms to 6 ms


@pytest.mark.parametrize('budget, groups', [
    pytest.param(3.5, ['cd', 'ab'], id='between two: the one above, too, may fit when measured'),
    pytest.param(9.0, ['ef', 'cd', 'ab'], id='more than the dearest'),
    pytest.param(0.5, ['a'], id='less than the cheapest'),
    pytest.param(2.0, ['bc', 'a'], id='exactly one of them'),
])
def test_what_is_measured_first_lies_around_the_budget(budget, groups):
    found = near_budget(LADDER, PREDICTED, budget, 2)
    assert [''.join(step.encoder for step in group) for group in found] == groups


def test_what_was_measured_decides():
    measured = {LADDER[1]: 2.9, LADDER[2]: 3.6, LADDER[3]: 3.4}  # c is slower than predicted
    assert best_within(measured, PREDICTED, 3.5) == LADDER[3]
    assert best_within(measured, PREDICTED, 3.0) == LADDER[1]
    assert best_within(measured, PREDICTED, 2.0) is None


def test_the_table_has_all_combinations_and_few_parts():
    table = candidates(('fp32', 'int8'))
    # trunks, blocks and widths; sides, precisions
    assert len(table) == len(set(table)) == 2 * 2 * 3 * 3 * 5 * 2
    # trunk: 2 * 3 cuts; decoder: 2 * 2 * 3; block: 2 * 2; each in two precisions
    assert len(all_parts(table)) == 2 * (6 + 12 + 4)
