"""
Start everything that one aircraft needs, as its file says: docs/onboard.md.

The camera's driver, the segmenter, and where the file asks for them a recording, alert_bridge
and foxglove_bridge. What ends is started again. For the segmenter alone: segment.launch.py.
"""
from pathlib import Path

from ament_index_python.packages import get_packages_with_prefixes
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
    TimerAction,
)
from launch.event_handlers import OnProcessExit
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import ExecutableInPackage

from effvit_ros.core.errors import UserError
from effvit_ros.core.install_paths import share_directory
from effvit_ros.onboard.camera_drivers import camera_driver
from effvit_ros.onboard.recording import record_arguments
from effvit_ros.onboard.vehicle import read_vehicle
from effvit_ros.ros.common.dds import dds_environment
from effvit_ros.ros.common.log_level import log_arguments
from launch import LaunchDescription

#: Exit code of a node that was told something it can't do.
_MISTAKE = 2

EXAMPLE = Path('config') / 'vehicles' / 'example.yaml'


def generate_launch_description():
    """Return the arguments, the DDS profile (where the user set none) and the nodes."""
    return LaunchDescription([
        DeclareLaunchArgument(
            'vehicle', default_value=str(share_directory() / EXAMPLE),
            description="The vehicle's file."),
        DeclareLaunchArgument(
            'namespace', default_value='',
            description="Namespace of the aircraft. Not given: as in the vehicle's file."),
        *[SetEnvironmentVariable(name, value) for name, value in dds_environment().items()],
        OpaqueFunction(function=_start_vehicle),
    ])


def _start_vehicle(context):
    arguments = context.launch_configurations
    vehicle = read_vehicle(arguments['vehicle'], arguments['namespace'] or None)
    packages = get_packages_with_prefixes()
    started = [_segmenter(vehicle)]
    driver = camera_driver(vehicle, packages.__contains__)
    if driver is not None:
        started.insert(0, _camera(vehicle, driver))
    if vehicle.recording['enabled']:
        started.append(_recorder(vehicle))
    if vehicle.mapper['enabled']:
        started.append(_mapper(vehicle))
    if vehicle.view['enabled']:
        started.append(_view(vehicle))
    if vehicle.alert_bridge['enabled']:
        started += _alert_bridge(vehicle)
    if vehicle.foxglove['enabled']:
        if 'foxglove_bridge' not in packages:
            raise UserError(f'{arguments["vehicle"]}: foxglove.enabled is true, but '
                            'foxglove_bridge is not installed: sudo apt install '
                            'ros-$ROS_DISTRO-foxglove-bridge')
        started.append(_foxglove_bridge(vehicle))
    return started


def _camera(vehicle, driver):
    return Node(
        package=driver.package, executable=driver.executable, name='camera',
        namespace='/'.join(filter(None, (vehicle.namespace, driver.subspace))),
        parameters=[_typed(driver.parameters)], remappings=list(driver.remappings),
        **_common(vehicle, 'camera', driver.subspace))


def _segmenter(vehicle):
    return LifecycleNode(
        package='effvit_ros', executable='segmenter_node', name='segmenter',
        namespace=vehicle.namespace, parameters=[_typed(vehicle.segmenter)],
        remappings=[('image', vehicle.camera['image_topic'])], **_common(vehicle, 'segmenter'))


def _mapper(vehicle):
    parameters = {n: value for n, value in vehicle.mapper.items() if n != 'enabled'}
    # The mapper's names say no units: ROS parameters of one node need none to be told apart.
    mount = {n.rsplit('_', 1)[0]: value for n, value in vehicle.mount.items() if n != 'kind'}
    return LifecycleNode(
        package='effvit_ros', executable='mapper_node', name='mapper',
        namespace=vehicle.namespace,
        parameters=[_typed({**parameters, **mount, 'mount': vehicle.mount['kind']})],
        **_common(vehicle))


def _view(vehicle):
    parameters = {n: value for n, value in vehicle.view.items() if n != 'enabled'}
    return Node(
        package='effvit_ros', executable='view_node', name='view',
        namespace=vehicle.namespace, parameters=[_typed(parameters)], **_common(vehicle))


def _alert_bridge(vehicle):
    """Start the bridge, and again whenever it ends, but for a mistake that would end it again."""
    parameters = {n: value for n, value in vehicle.alert_bridge.items() if n != 'enabled'}
    bridge = Node(
        package='effvit_ros', executable='alert_bridge', name='alert_bridge',
        namespace=vehicle.namespace, parameters=[_typed(parameters)],
        **{**_common(vehicle, 'alert_bridge'), 'respawn': False})

    def ended(event, context):
        if event.returncode == _MISTAKE or context.is_shutdown:
            return []
        return [TimerAction(period=vehicle.respawn_delay, actions=_alert_bridge(vehicle))]
    return [RegisterEventHandler(OnProcessExit(target_action=bridge, on_exit=ended)), bridge]


def _foxglove_bridge(vehicle):
    return Node(
        package='foxglove_bridge', executable='foxglove_bridge', name='foxglove_bridge',
        namespace=vehicle.namespace,
        parameters=[_typed({name: vehicle.foxglove[name] for name in ('address', 'port')})],
        **_common(vehicle, 'foxglove_bridge'))


def _recorder(vehicle):
    # No respawn: it may end because its room is used up. Its end takes longer than a node's.
    return ExecuteProcess(
        cmd=[ExecutableInPackage(executable='record_flight', package='effvit_ros'),
             *record_arguments(vehicle)],
        name='record_flight', output='screen', sigterm_timeout='20', sigkill_timeout='20')


def _common(vehicle, name, subspace=''):
    namespace = f'{vehicle.namespace}/{subspace}'
    return {'arguments': log_arguments(vehicle.log_level, namespace, name),
            'respawn': True, 'respawn_delay': vehicle.respawn_delay,
            'output': 'screen', 'emulate_tty': True}


def _typed(parameters):
    """Return the parameters so that launch takes a text such as 123 for a text."""
    return {name: ParameterValue(value, value_type=str) if isinstance(value, str) else value
            for name, value in parameters.items()}
