"""Parameters: what is allowed, in which state, and that the shipped file says the same."""
from __future__ import annotations

import ast
from dataclasses import fields

import pytest
import yaml
from live_ros import ROOT

from effvit_ros.core.errors import UserError
from effvit_ros.ros.health.health import Health
from effvit_ros.ros.health.level import Limits
from effvit_ros.ros.health.machine import MachineHealth, MachineLimits
from effvit_ros.ros.segmenter.parameters import SEGMENTER_PARAMETERS

ROWS = {row.name: row for row in SEGMENTER_PARAMETERS}


@pytest.mark.parametrize('name, value, problem', [
    ('overlay_alpha', 0.5, None),
    ('overlay_alpha', 0.0, None),
    ('overlay_alpha', 1, None),
    ('overlay_alpha', 1.01, "overlay_alpha is '1.01': give 0.0 to 1.0"),
    ('overlay_alpha', float('nan'), "overlay_alpha is 'nan': give 0.0 to 1.0"),
    ('overlay_alpha', '0.5', "overlay_alpha is '0.5': give 0.0 to 1.0"),
    ('overlay_alpha', True, "overlay_alpha is 'True': give 0.0 to 1.0"),
    ('jpeg_quality', 100, None),
    ('jpeg_quality', 0, "jpeg_quality is '0': give 1 to 100"),
    ('jpeg_quality', 80.0, "jpeg_quality is '80.0': give 1 to 100"),
    ('overlay_legend', False, None),
    ('overlay_legend', 1, "overlay_legend is '1': give true | false"),
    ('image_transport', 'raw', None),
    ('image_transport', 'theora',
     "image_transport is 'theora': give raw | compressed | ffmpeg | foxglove"),
    ('model', '/some/folder', None),
    ('model', 5, "model is '5': give a text"),
])
def test_values(name, value, problem):
    assert ROWS[name].problem(value) == problem


@pytest.mark.parametrize('name, state, settable', [
    ('overlay_alpha', 'active', True),
    ('overlay_alpha', 'unconfigured', True),
    ('image_transport', 'active', False),
    ('image_transport', 'inactive', True),
    ('model', 'active', False),
    ('model', 'inactive', False),
    ('model', 'unconfigured', True),
    ('autostart', 'unconfigured', False),
])
def test_states(name, state, settable):
    refusal = ROWS[name].refusal(state)
    assert (refusal is None) == settable
    if refusal:
        assert refusal.startswith(name + ' takes effect ')


@pytest.mark.parametrize('name, text, value', [
    ('overlay_alpha', '0.25', 0.25), ('overlay_alpha', '1', 1.0), ('threads', '2', 2),
    ('overlay_legend', 'false', False), ('overlay_legend', 'True', True),
    ('model', '123', '123'), ('runtime', 'openvino', 'openvino'),
])
def test_launch_arguments_become_the_parameters_type(name, text, value):
    found = ROWS[name].parse(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize('name, text', [
    ('overlay_alpha', '2'), ('overlay_alpha', 'half'), ('threads', '1.5'),
    ('overlay_legend', 'yes'), ('runtime', 'magic'),
])
def test_launch_arguments_that_are_refused_name_the_value_and_what_is_allowed(name, text):
    with pytest.raises(UserError, match=f"{name} is '{text}[.0]*': give "):
        ROWS[name].parse(text)


def test_the_defaults_are_allowed():
    assert [row.problem(row.default) for row in SEGMENTER_PARAMETERS] == [None] * len(ROWS)


def test_the_parameter_file_holds_every_parameter_with_its_default():
    file = yaml.safe_load((ROOT / 'config' / 'segmenter.yaml').read_text())
    found = file['/**']['ros__parameters']
    # use_sim_time is not in it: the file would win over a parent launch file's setting.
    assert found == {row.name: row.default for row in SEGMENTER_PARAMETERS}
    assert {name: type(value) for name, value in found.items()} == {
        row.name: type(row.default) for row in SEGMENTER_PARAMETERS}


def test_every_parameter_is_documented():
    page = (ROOT / 'docs' / 'node.md').read_text(encoding='utf-8')
    assert [name for name in ROWS if f'| `{name}` |' not in page] == []


def test_every_diagnostic_value_is_documented():
    page = (ROOT / 'docs' / 'health.md').read_text(encoding='utf-8')
    health = Health()
    for kind in ('encoding', 'size', 'data', 'inference'):
        health.frame_failed(0.0, kind, '')
    names = [name for report in (health.report(0.0), MachineHealth().report(0.0))
             for name, _ in report.values]
    # What other parts of the node let it know.
    names += [keyword.arg for path in sorted((ROOT / 'effvit_ros' / 'ros').rglob('*.py'))
              for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
              if isinstance(node, ast.Call) and getattr(node.func, 'attr', '') == 'set_facts'
              for keyword in node.keywords]
    assert 'limited_by' in names
    assert [name for name in names if f'`{name}`' not in page] == []


def test_every_limit_is_documented_where_its_level_is():
    page = (ROOT / 'docs' / 'health.md').read_text(encoding='utf-8')
    limits = [field.name for kind in (Limits, MachineLimits) for field in fields(kind)]
    assert [name for name in limits if f'`{name}`' not in page] == []
