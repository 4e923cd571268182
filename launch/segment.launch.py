"""
Start the segmenter.

Every parameter of the node is an argument. Values come from the parameter file; an argument
that is given, and not empty, wins over it. The node becomes active by itself, once at each
start, so that a manual deactivate stays deactivated and a respawned node works again.
"""
from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue

from effvit_ros.core.errors import UserError
from effvit_ros.core.install_paths import share_directory
from effvit_ros.ros.common.dds import dds_environment
from effvit_ros.ros.common.log_level import log_arguments
from effvit_ros.ros.segmenter.parameters import SEGMENTER_PARAMETERS
from launch import LaunchDescription

TRUE_FALSE = ['true', 'false']


def generate_launch_description():
    """Return the arguments, the DDS profile (where the user set none) and the node."""
    given = {}
    return LaunchDescription([
        # First: behind their declarations, arguments that are not given have their defaults.
        OpaqueFunction(function=lambda context: given.update(context.launch_configurations)),
        DeclareLaunchArgument(
            'image', default_value='image',
            description='Image topic, without /compressed; camera_info is taken from beside it.'),
        DeclareLaunchArgument(
            'namespace', default_value='',
            description='Namespace of the node, and of a relative image topic.'),
        DeclareLaunchArgument(
            'params_file', default_value=str(share_directory() / 'config' / 'segmenter.yaml'),
            description='Parameter file of the node.'),
        DeclareLaunchArgument(
            'use_sim_time', default_value='false', choices=['', *TRUE_FALSE],
            description='Take the time from /clock (simulators, bags played with --clock). '
                        'Not given: as in the parameter file.'),
        DeclareLaunchArgument(
            'log_level', default_value='info',
            choices=['debug', 'info', 'warn', 'error', 'fatal'],
            description='Lowest level of log messages to show.'),
        DeclareLaunchArgument(
            'respawn', default_value='false', choices=TRUE_FALSE,
            description='Start the node again, after respawn_delay, whenever its process ends.'),
        DeclareLaunchArgument(
            'respawn_delay', default_value='2.0',
            description='Seconds before the node is started again.'),
        *[DeclareLaunchArgument(
            row.name, default_value=_text(row.default),
            description=f'{row.description} Allowed: {row.allowed}. '
                        'Not given: as in the parameter file.') for row in SEGMENTER_PARAMETERS],
        *[SetEnvironmentVariable(name, value) for name, value in dds_environment().items()],
        OpaqueFunction(function=lambda context: _start_node(context, given)),
    ])


def _start_node(context, given):
    arguments = context.launch_configurations
    if not Path(arguments['params_file']).expanduser().is_file():
        raise UserError(f"params_file '{arguments['params_file']}': no such file")
    return [LifecycleNode(
        package='effvit_ros', executable='segmenter_node',
        name='segmenter', namespace=arguments['namespace'],
        parameters=[str(Path(arguments['params_file']).expanduser()), _given_parameters(given)],
        remappings=[('image', arguments['image'])],
        arguments=log_arguments(arguments['log_level'], arguments['namespace'], 'segmenter'),
        respawn=arguments['respawn'] == 'true',
        respawn_delay=float(arguments['respawn_delay']),
        output='screen', emulate_tty=True)]


def _start_beside(context):
    """Return the page and the mapper, where they are asked for."""
    arguments = context.launch_configurations
    common = {'package': 'effvit_ros', 'namespace': arguments['namespace'],
              'arguments': ['--ros-args', '--log-level', arguments['log_level']],
              'output': 'screen', 'emulate_tty': True}
    started = []
    if arguments['view'] == 'true':
        started.append(Node(executable='view_node', name='view', parameters=[{
            'address': ParameterValue(arguments['view_address'], value_type=str),
            'port': int(arguments['view_port'])}], **common))
    if arguments['map'] == 'true':
        file = arguments['map_params_file']
        started.append(LifecycleNode(executable='mapper_node', name='mapper',
                                     parameters=[file] if file else [], **common))
    return started


def _given_parameters(arguments):
    """Return the parameters that were given as arguments, in the node's types."""
    given = {}
    if arguments.get('use_sim_time'):
        given['use_sim_time'] = arguments['use_sim_time'] == 'true'
    for row in SEGMENTER_PARAMETERS:
        if arguments.get(row.name):
            value = row.parse(arguments[row.name])
            given[row.name] = ParameterValue(value, value_type=type(value))
    return given


def _text(value):
    """Return a parameter's value as it is given on the command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)
