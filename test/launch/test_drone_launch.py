"""The launch file of a whole aircraft: what it starts, from which file, under which names."""
from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest
import standin
from live_ros import ROOT

from effvit_ros.core.errors import UserError
from effvit_ros.onboard.record_flight import _parse as parse_record_flight
from effvit_ros.ros.common.dds import NEW_NAME, OLD_NAME
from effvit_ros.telemetry.bridge_parameters import BRIDGE_PARAMETERS


@pytest.fixture
def launch(monkeypatch, tmp_path):
    """Return what launches a vehicle's text, on a machine where ``packages`` are installed."""
    for name in (NEW_NAME, OLD_NAME):
        monkeypatch.delenv(name, raising=False)
    index = tmp_path / 'prefix' / 'share' / 'ament_index' / 'resource_index' / 'packages'
    index.mkdir(parents=True)
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path / 'prefix'))
    for name in (NEW_NAME, OLD_NAME):
        monkeypatch.delenv(name, raising=False)
    actions = standin.load(monkeypatch, 'drone.launch.py')

    def run(text='', packages=(), **arguments):
        for package in packages:
            (index / package).touch()
        path = tmp_path / 'uav.yaml'
        path.write_text(text, encoding='utf-8')
        return standin.run(actions, vehicle=str(path), **arguments)
    run.actions = actions
    return run


def parameters(node):
    """Return a node's parameters as plain values."""
    given, = node.kwargs['parameters']
    return {name: value.args[0] if isinstance(value, standin.Recorded) else value
            for name, value in given.items()}


def by_executable(started):
    return {action.kwargs['executable']: action for action in started
            if 'executable' in action.kwargs}


def test_every_argument_has_a_description_that_is_a_sentence(launch):
    for name, keywords in standin.arguments(launch.actions).items():
        assert keywords['description'].endswith('.'), name


def test_without_arguments_it_is_the_shipped_example(launch):
    default = standin.arguments(launch.actions)['vehicle']['default_value']
    assert Path(default) == ROOT / 'config' / 'vehicles' / 'example.yaml'
    started = standin.run(launch.actions)
    assert list(by_executable(started)) == ['camera_node', 'segmenter_node']


def test_camera_and_segmenter_meet_on_one_topic(launch):
    nodes = by_executable(launch('namespace: uav1'))
    camera, segmenter = nodes['camera_node'], nodes['segmenter_node']
    assert camera.kwargs['namespace'] == 'uav1/camera'
    assert ('image', 'image_raw') in camera.kwargs['remappings']
    assert segmenter.kwargs['namespace'] == 'uav1'
    assert segmenter.kwargs['remappings'] == [('image', 'camera/image_raw')]
    assert (segmenter.kwargs['package'], segmenter.kwargs['name']) == ('effvit_ros', 'segmenter')


def test_a_driver_that_is_installed_is_started_instead_of_ours(launch):
    nodes = by_executable(launch('namespace: uav1', packages=['v4l2_camera']))
    assert set(nodes) == {'v4l2_camera_node', 'segmenter_node'}
    assert nodes['v4l2_camera_node'].kwargs['namespace'] == 'uav1/camera'


def test_no_camera_where_the_file_says_none(launch):
    started = launch('camera: {driver: none, image_topic: /front/image}')
    segmenter, = started
    assert segmenter.kwargs['remappings'] == [('image', '/front/image')]


def test_what_ends_is_started_again(launch):
    for node in launch('respawn_delay: 0.5\nlog_level: debug'):
        assert (node.kwargs['respawn'], node.kwargs['respawn_delay']) == (True, 0.5)
        name = '.'.join(filter(None, (node.kwargs['namespace'], node.kwargs['name'])))
        assert node.kwargs['arguments'] == ['--ros-args', '--log-level', f'{name}:=debug']


def test_the_segmenters_parameters_keep_their_types(launch):
    segmenter = by_executable(launch(
        "segmenter: {model: '123', threads: 2, max_rate: 5, overlay_legend: false}"
    ))['segmenter_node']
    assert parameters(segmenter) == {
        'model': '123', 'threads': 2, 'max_rate': 5.0, 'overlay_legend': False}
    assert segmenter.kwargs['parameters'][0]['model'].kwargs == {'value_type': str}


def test_a_recording_is_a_command_that_understands_its_arguments(launch):
    started = launch('namespace: uav1\nrecording: {enabled: true, when_full: stop, '
                     'folder: /data, max_total_mb: 1000, max_split_mb: 100, image: raw}')
    recorder, = standin.of_kind(started, 'ExecuteProcess')
    executable, *arguments = recorder.kwargs['cmd']
    assert executable.kwargs == {'executable': 'record_flight', 'package': 'effvit_ros'}
    options = parse_record_flight(arguments)
    assert (options.folder, options.when_full, options.max_total_mb, options.max_split_mb,
            options.min_free_mb) == ('/data', 'stop', 1000, 100, 1024)
    assert options.topics == [
        '/uav1/segmenter/labels', '/uav1/segmenter/label_info',
        '/uav1/segmenter/overlay/compressed', '/uav1/segmenter/camera_info',
        '/uav1/segmenter/class_areas', '/uav1/segmenter/alerts', '/diagnostics',
        '/uav1/camera/image_raw', '/uav1/camera/camera_info']


def test_record_flight_is_a_command_that_setup_installs():
    setup = ast.parse((ROOT / 'setup.py').read_text())
    scripts, = [ast.literal_eval(s.value) for s in setup.body if isinstance(s, ast.Assign)
                and s.targets[0].id == 'CONSOLE_SCRIPTS']
    assert 'record_flight = effvit_ros.onboard.record_flight:main' in scripts


def test_a_mistake_in_the_bridge_is_said_once_another_end_starts_it_again(launch):
    started = launch('respawn_delay: 0.5\nalert_bridge: {enabled: true, link: mavros}')
    handler, = standin.of_kind(started, 'RegisterEventHandler')
    bridge, ended = (handler.args[0].kwargs[key] for key in ('target_action', 'on_exit'))
    assert bridge is by_executable(started)['alert_bridge']
    assert bridge.kwargs['respawn'] is False
    context = SimpleNamespace(is_shutdown=False)
    assert ended(SimpleNamespace(returncode=2), context) == []
    timer, = ended(SimpleNamespace(returncode=-9), context)
    assert timer.kwargs['period'] == 0.5
    _, again = timer.kwargs['actions']
    assert again.kwargs['executable'] == 'alert_bridge'
    assert ended(SimpleNamespace(returncode=-9), SimpleNamespace(is_shutdown=True)) == []


def test_the_alert_bridge_runs_where_it_is_asked_for(launch):
    assert 'alert_bridge' not in by_executable(launch(''))
    bridge = by_executable(launch(
        'namespace: uav1\nalert_bridge: {enabled: true, system_id: 7}'))['alert_bridge']
    assert bridge.kwargs['namespace'] == 'uav1'
    given = parameters(bridge)
    assert (given['system_id'], given['address']) == (7, 'udpout:127.0.0.1:14550')
    assert set(given) == {row.name for row in BRIDGE_PARAMETERS}


def test_foxglove_listens_only_where_it_is_asked_to(launch):
    assert 'foxglove_bridge' not in by_executable(launch('', packages=['foxglove_bridge']))
    nodes = by_executable(launch('foxglove: {enabled: true}', packages=['foxglove_bridge']))
    assert parameters(nodes['foxglove_bridge']) == {'address': '127.0.0.1', 'port': 8765}


def test_foxglove_that_is_not_installed_is_named_with_its_package(launch):
    with pytest.raises(UserError, match='foxglove.enabled is true, but foxglove_bridge is not '
                                        'installed: sudo apt install'):
        launch('foxglove: {enabled: true}')


def test_two_aircraft_from_one_file_share_no_name(launch):
    text = 'recording: {enabled: true, diagnostics: false}'
    names = []
    for namespace in ('uav1', 'uav2'):
        started = launch(text, namespace=namespace)
        nodes = {f"{n.kwargs['namespace']}/{n.kwargs['name']}" for n in started
                 if 'namespace' in n.kwargs}
        recorder, = standin.of_kind(started, 'ExecuteProcess')
        topics = {a for a in recorder.kwargs['cmd'] if isinstance(a, str) and a[0] == '/'}
        frame = parameters(by_executable(started)['camera_node'])['frame_id']
        names.append(nodes | topics | {frame})
    assert names[0].isdisjoint(names[1])


def test_a_mistake_in_the_file_names_the_file_and_the_key(launch):
    with pytest.raises(UserError, match=r'uav\.yaml: camera\.rat_hz is unknown'):
        launch('camera: {rat_hz: 3}')


def test_the_shared_memory_profile_is_set_before_the_nodes_start(launch):
    kinds = [type(action).__name__ for action in launch.actions]
    assert kinds.index('SetEnvironmentVariable') < kinds.index('OpaqueFunction')


def test_with_real_launch():
    pytest.importorskip('launch_ros', reason='launch_ros is not installed: no ROS here')
    from launch.launch_description_sources import PythonLaunchDescriptionSource

    from launch import LaunchContext
    source = PythonLaunchDescriptionSource(str(ROOT / 'launch' / 'drone.launch.py'))
    description = source.get_launch_description(LaunchContext())
    assert {a.name for a in description.get_launch_arguments()} == {'vehicle', 'namespace'}
