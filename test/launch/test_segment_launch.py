"""The launch file: its arguments read like documentation and reach the node."""
from __future__ import annotations

import ast
from pathlib import Path

import pytest
import standin
from live_ros import ROOT

from effvit_ros.core.errors import UserError
from effvit_ros.ros.common.dds import NEW_NAME, OLD_NAME
from effvit_ros.ros.segmenter.parameters import SEGMENTER_PARAMETERS


@pytest.fixture
def actions(monkeypatch):
    for name in (NEW_NAME, OLD_NAME):
        monkeypatch.delenv(name, raising=False)
    return standin.load(monkeypatch, 'segment.launch.py')


def launched(actions, **given):
    node, = standin.run(actions, **given)
    return node.kwargs


def parameters(node):
    """Return (parameter file, parameters that win over it)."""
    file, given = node['parameters']
    return file, {name: value if isinstance(value, bool) else value.args[0]
                  for name, value in given.items()}


def test_every_argument_has_a_description_that_is_a_sentence(actions):
    for name, keywords in standin.arguments(actions).items():
        assert keywords['description'].endswith('.'), name
        assert keywords['description'][0].isupper(), name


def test_every_parameter_of_the_node_is_an_argument(actions):
    found = standin.arguments(actions)
    assert [row.name for row in SEGMENTER_PARAMETERS if row.name not in found] == []


def test_every_argument_is_documented(actions):
    page = (ROOT / 'docs' / 'node.md').read_text(encoding='utf-8')
    assert [name for name in standin.arguments(actions) if f'| `{name}` |' not in page] == []


def test_the_executable_is_one_that_setup_installs(actions):
    node = launched(actions)
    setup = ast.parse((ROOT / 'setup.py').read_text())
    scripts, = [ast.literal_eval(statement.value) for statement in setup.body
                if isinstance(statement, ast.Assign)
                and statement.targets[0].id == 'CONSOLE_SCRIPTS']
    assert f'{node["executable"]} = effvit_ros.ros.segmenter.main:main' in scripts
    assert (node['package'], node['name'], node['namespace']) == ('effvit_ros', 'segmenter', '')


def test_nothing_given_leaves_everything_to_the_parameter_file(actions):
    node = launched(actions)
    file, given = parameters(node)
    assert Path(file) == ROOT / 'config' / 'segmenter.yaml'
    assert Path(file).is_file()
    assert given == {}
    assert node['respawn'] is False
    assert node['remappings'] == [('image', 'image')]


def test_what_is_given_wins_over_the_file_in_the_parameters_own_type(actions):
    _, given = parameters(launched(
        actions, model='123', threads='2', max_rate='10', autostart='false',
        overlay_legend='true', use_sim_time='true'))
    assert given == {'model': '123', 'threads': 2, 'max_rate': 10.0, 'autostart': False,
                     'overlay_legend': True, 'use_sim_time': True}
    assert {name: type(value) for name, value in given.items()} == {
        'model': str, 'threads': int, 'max_rate': float, 'autostart': bool,
        'overlay_legend': bool, 'use_sim_time': bool}


def test_a_text_that_looks_like_a_number_stays_a_text(actions):
    value = launched(actions, model='123')['parameters'][1]['model']
    assert value.kwargs == {'value_type': str}


def test_a_bad_value_is_refused_by_name(actions):
    with pytest.raises(UserError, match="overlay_alpha is '2.0': give 0.0 to 1.0"):
        launched(actions, overlay_alpha='2')


def test_show_args_shows_the_nodes_own_defaults(actions):
    shown = {name: kw['default_value'] for name, kw in standin.arguments(actions).items()}
    assert [row.name for row in SEGMENTER_PARAMETERS
            if row.parse(shown[row.name]) != row.default] == []


def test_a_parameter_file_that_is_not_there_is_refused(actions):
    with pytest.raises(UserError, match="params_file '/nowhere.yaml': no such file"):
        launched(actions, params_file='/nowhere.yaml')


def test_an_empty_argument_is_one_that_is_not_given(actions):
    assert parameters(launched(actions, model='', max_rate=''))[1] == {}


@pytest.mark.parametrize('namespace, level, argument', [
    ('', 'debug', 'segmenter:=debug'), ('/fleet/uav1', 'debug', 'fleet.uav1.segmenter:=debug'),
    ('uav1', 'warn', 'warn')])
def test_debug_is_the_nodes_own_and_not_the_middlewares(actions, namespace, level, argument):
    node = launched(actions, namespace=namespace, log_level=level)
    assert node['arguments'] == ['--ros-args', '--log-level', argument]


def test_names_topics_respawn_and_logging_reach_the_node(actions, tmp_path):
    file = tmp_path / 'my.yaml'
    file.write_text('')
    node = launched(actions, namespace='uav1', image='/cam/image_raw', respawn='true',
                    respawn_delay='0.5', log_level='error', params_file=str(file))
    assert node['namespace'] == 'uav1'
    assert node['remappings'] == [('image', '/cam/image_raw')]
    assert (node['respawn'], node['respawn_delay']) == (True, 0.5)
    assert node['arguments'] == ['--ros-args', '--log-level', 'error']
    assert parameters(node)[0] == str(file)


def test_the_shared_memory_profile_is_set_before_the_node_starts(actions):
    kinds = [type(action).__name__ for action in actions]
    assert kinds[-1] == 'OpaqueFunction' and 'SetEnvironmentVariable' in kinds
    for action in standin.of_kind(actions, 'SetEnvironmentVariable'):
        assert action.args[0] in (NEW_NAME, OLD_NAME)
        assert Path(action.args[1]) == ROOT / 'config' / 'fastdds_shm.xml'


def test_a_users_own_profile_is_left_alone(monkeypatch):
    monkeypatch.setenv(OLD_NAME, '/home/me/profile.xml')
    actions = standin.load(monkeypatch, 'segment.launch.py')
    assert standin.of_kind(actions, 'SetEnvironmentVariable') == []


def test_with_real_launch():
    pytest.importorskip('launch_ros', reason='launch_ros is not installed: no ROS here')
    from launch.launch_description_sources import PythonLaunchDescriptionSource

    from launch import LaunchContext
    source = PythonLaunchDescriptionSource(str(ROOT / 'launch' / 'segment.launch.py'))
    description = source.get_launch_description(LaunchContext())
    names = {argument.name for argument in description.get_launch_arguments()}
    assert {'image', 'namespace', 'params_file', 'respawn', 'log_level', 'model',
            'autostart'} <= names


def test_compressed_pictures_under_any_name_are_reached(actions):
    node = launched(actions, image_transport='compressed', compressed_image='/camera/color')
    assert node['remappings'] == [
        ('image', 'image'), ('image/compressed', '/camera/color'),
        ('image/ffmpeg', '/camera/color'), ('image/foxglove', '/camera/color')]


def test_page_and_mapper_start_where_they_are_asked_for(actions, tmp_path):
    file = tmp_path / 'mapper.yaml'
    file.write_text('')
    segmenter, page, mapper = (node.kwargs for node in standin.run(
        actions, view='true', view_address='::1', view_port='0', map='true',
        map_params_file=str(file), namespace='uav1', use_sim_time='true'))
    assert [node['executable'] for node in (segmenter, page, mapper)] == [
        'segmenter_node', 'view_node', 'mapper_node']
    assert {(node['package'], node['namespace']) for node in (page, mapper)} == {
        ('effvit_ros', 'uav1')}
    given, = page['parameters']
    assert (given['address'].args[0], given['port'].args[0]) == ('::1', 0)
    assert given['use_sim_time'] is True
    assert mapper['parameters'] == [str(file), {'use_sim_time': True}]


def test_a_port_that_is_none_is_refused(actions):
    with pytest.raises(UserError, match="port is '99999': give 0 to 65535"):
        standin.run(actions, view='true', view_port='99999')


def test_a_mappers_file_that_is_not_there_is_refused(actions):
    with pytest.raises(UserError, match="map_params_file '/nowhere.yaml': no such file"):
        standin.run(actions, map='true', map_params_file='/nowhere.yaml')
