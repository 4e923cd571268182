"""Which of the given parameters are told as unused, and which belong to somebody else."""
from __future__ import annotations

import pytest

from effvit_ros.ros.common.given_parameters import unused_parameters

DECLARED = {'threads', 'alerts', 'max_temperature'}


def told(tmp_path, text, *more, node='/segmenter'):
    """Return what is told of a parameter file with this text, without the file's folder."""
    argv = list(more)
    if text is not None:
        (tmp_path / 'p.yaml').write_text(text)
        argv = ['--ros-args', '--params-file', str(tmp_path / 'p.yaml'), *more]
    line = unused_parameters(argv, node, DECLARED.__contains__)
    return line.replace(f'{tmp_path}/', '')


def section(name, *parameters):
    return f'{name}:\n  ros__parameters: {{{", ".join(f"{p}: 1" for p in parameters)}}}\n'


@pytest.mark.parametrize('text, node, unused', [
    pytest.param(section('/**', 'threads'), '/segmenter', '', id='for all nodes'),
    pytest.param(section('segmenter', 'threads'), '/segmenter', '', id='for this one'),
    pytest.param(section('segmenter_node', 'threads'), '/segmenter', 'section /segmenter_node',
                 id='name of the command'),
    pytest.param(section('segmenter', 'threads'), '/uav1/segmenter', 'section /segmenter',
                 id='without the namespace'),
    pytest.param(section('/uav1/segmenter', 'threads'), '/uav1/segmenter', '', id='namespace'),
    pytest.param('uav1:\n  segmenter:\n    ros__parameters: {threads: 1}\n', '/uav1/segmenter', '',
                 id='namespace by nesting'),
    pytest.param(section('/**/segmenter', 'threads'), '/uav1/segmenter', '', id='any namespace'),
    pytest.param(section('/*/segmenter', 'threads'), '/segmenter', 'section /*/segmenter',
                 id='some namespace'),
    pytest.param(section('segmenter', 'alert', 'max_temprature'), '/segmenter',
                 'alert in p.yaml; max_temprature in p.yaml', id='typing errors'),
    pytest.param(section('segmenter', 'threads') + section('camera', 'rate_hz'), '/segmenter', '',
                 id='another node beside'),
    pytest.param(section('camera', 'rate_hz'), '/segmenter', 'section /camera',
                 id='another node only'),
    pytest.param(section('/**', 'threads') + section('segmentor', 'alerts'), '/segmenter',
                 'section /segmentor', id='typing error beside what is used'),
    pytest.param(section('/**', 'threads') + section('segmenter', 'alerts'), '/uav1/segmenter',
                 'section /segmenter', id='namespace forgotten beside what is used'),
    pytest.param(section('/uav1/segmenter', 'threads') + section('/uav2/segmenter', 'threads'),
                 '/uav1/segmenter', '', id='another aircraft'),
    pytest.param('segmenter:\n  ros__parameters: {qos_overrides: {/labels: {publisher: '
                 '{depth: 1}}}}\n', '/segmenter', '', id='QoS'),
    pytest.param(section('segmenter', 'threads').replace('threads: 1', 'a: {b: 1}'), '/segmenter',
                 'a.b in p.yaml', id='nested parameter'),
    pytest.param('', '/segmenter', '', id='empty file'),
])
def test_files(text, node, unused, tmp_path):
    line = told(tmp_path, text, node=node)
    assert line == '' if not unused else (
        line.startswith(f'given, but not used by {node}: {unused}') and '\n' not in line)


@pytest.mark.parametrize('argument, unused', [
    ('threads:=2', ''), ('thread:=2', 'thread in -p thread'),
    ('segmenter:threads:=2', ''),
    ('segmenter_node:threads:=2', 'section segmenter_node of -p segmenter_node:threads'),
])
def test_arguments(argument, unused, tmp_path):
    line = told(tmp_path, None, '--ros-args', '-p', argument)
    assert line.endswith(unused) and bool(line) == bool(unused)
