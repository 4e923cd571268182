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
from effvit_ros.ros.view.parameters import VIEW_PARAMETERS
from launch import LaunchDescription

TRUE_FALSE = ['true', 'false']
#: Of a CompressedImage and of packets of a video.
TRANSPORTS = ('compressed', 'ffmpeg', 'foxglove')
VIEW = {row.name: row for row in VIEW_PARAMETERS}


def generate_launch_description():
    """Return the arguments, the DDS profile (where the user set none) and the node."""
    given = {}
    return LaunchDescription([
        # First: behind their declarations, arguments that are not given have their defaults.
        OpaqueFunction(function=lambda context: given.update(context.launch_configurations)),
        DeclareLaunchArgument(
            'image', default_value='image',
            description='Image topic, without /compressed; camera_info lies next to it.'),
        DeclareLaunchArgument(
            'compressed_image', default_value='',
            description='Topic of compressed pictures or of video packets, where its name does '
                        'not end in /compressed, /ffmpeg or /foxglove. Not given: beside image.'),
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
        DeclareLaunchArgument(
            'view', default_value='false', choices=TRUE_FALSE,
            description='Start view_node, too: a page in the browser; its address is logged.'),
        DeclareLaunchArgument(
            'view_address', default_value='127.0.0.1',
            description='Where the page listens; beyond loopback browsers need its token.'),
        DeclareLaunchArgument(
            'view_port', default_value='8088', description="The page's TCP port."),
        DeclareLaunchArgument(
            'map', default_value='false', choices=TRUE_FALSE,
            description='Start mapper_node, too: it needs the poses of the aircraft.'),
        DeclareLaunchArgument(
            'map_params_file', default_value='',
            description="The mapper's parameter file; not given: its defaults."),
        *[DeclareLaunchArgument(
            row.name, default_value=_text(row.default),
            description=f'{row.description} Allowed: {row.allowed}. '
                        'Not given: as in the parameter file.') for row in SEGMENTER_PARAMETERS],
        *[SetEnvironmentVariable(name, value) for name, value in dds_environment().items()],
        OpaqueFunction(function=lambda context: _start_node(context, given)),
        OpaqueFunction(function=lambda context: _start_beside(context, given)),
    ])


def _start_node(context, given):
    arguments = context.launch_configurations
    return [LifecycleNode(
        executable='segmenter_node', name='segmenter',
        parameters=[*_file(arguments, 'params_file'), _given_parameters(given)],
        remappings=_remappings(arguments),
        respawn=arguments['respawn'] == 'true',
        respawn_delay=float(arguments['respawn_delay']),
        **_common(arguments, 'segmenter'))]


def _remappings(arguments):
    """Return what the picture topics are called; of the transports one is subscribed to."""
    compressed = arguments['compressed_image']
    return [('image', arguments['image']), *[
        (f'image/{transport}', compressed) for transport in TRANSPORTS if compressed]]


def _start_beside(context, given):
    """Return the page and the mapper, where they are asked for."""
    arguments = context.launch_configurations
    time = {'use_sim_time': given['use_sim_time'] == 'true'} if given.get('use_sim_time') else {}
    started = []
    if arguments['view'] == 'true':
        page = {'address': VIEW['address'].parse(arguments['view_address']),
                'port': VIEW['port'].parse(arguments['view_port'])}
        started.append(Node(
            executable='view_node', name='view', parameters=[{**_typed(page), **time}],
            **_common(arguments, 'view')))
    if arguments['map'] == 'true':
        started.append(LifecycleNode(
            executable='mapper_node', name='mapper',
            parameters=[*_file(arguments, 'map_params_file'), time],
            **_common(arguments, 'mapper')))
    return started


def _common(arguments, name):
    return {'package': 'effvit_ros', 'namespace': arguments['namespace'],
            'arguments': log_arguments(arguments['log_level'], arguments['namespace'], name),
            'output': 'screen', 'emulate_tty': True}


def _file(arguments, name):
    """Return the parameter file that an argument names, in a list, which is empty for none."""
    if not arguments[name]:
        return []
    path = Path(arguments[name]).expanduser()
    if not path.is_file():
        raise UserError(f"{name} '{arguments[name]}': no such file")
    return [str(path)]


def _given_parameters(arguments):
    """Return the parameters that were given as arguments, in the node's types."""
    given = {}
    if arguments.get('use_sim_time'):
        given['use_sim_time'] = arguments['use_sim_time'] == 'true'
    return {**given, **_typed({row.name: row.parse(arguments[row.name])
                               for row in SEGMENTER_PARAMETERS if arguments.get(row.name)})}


def _typed(values):
    """Return parameters in their own types, whatever a text looks like."""
    return {name: ParameterValue(value, value_type=type(value)) for name, value in values.items()}


def _text(value):
    """Return a parameter's value as it is given on the command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)
