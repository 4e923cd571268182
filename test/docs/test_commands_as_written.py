"""What README.md and docs/*.md tell users to type exists: commands, options, paths, values."""
from __future__ import annotations

import contextlib
import functools
import importlib
import io
import itertools
import re

import pytest
from command_parsers import commands, ENTRY_POINTS, MODULES, parser_of, ROOT, with_subparsers
from written_commands import blocks, inline_commands
from written_commands import commands as written

pytest.importorskip('rclpy', reason='ROS 2 is not installed: make setup')
import standin  # noqa: E402

#: What a user has from elsewhere; anything else that is typed is a slip or needs a line here.
TOOLS = set(
    'apt bash cat cd chown colcon cp curl git grep install journalctl ls mkdir nano pip python '
    'python3 rosdep rsync sed sha256sum source ssh systemctl touch udevadm umask useradd usermod '
    'uvicorn torchrun'.split())
#: Languages of blocks; what is typed is in a shell's, so that it is checked.
LANGUAGES = {'sh', 'bash', 'console', 'python', 'yaml', 'ini', 'text'}
#: What users replace by values of their own.
STAND_FOR = {'$SLURM_ARRAY_TASK_ID': '0', 'THE_64_DIGITS': 64 * '0', 'HASH': 64 * '0'}
#: Folders of the repository that commands name.
FOLDERS = ('config/', 'resource/', 'launch/', 'docs/', 'test/', 'compression/')
OURS = set(ENTRY_POINTS) | {'effvit-compress', 'make', 'ros2', 'python', 'pip'}
COMMANDS = written() + inline_commands(OURS)
TABLES = {
    'segmenter_node': ('ros.segmenter.parameters', 'SEGMENTER_PARAMETERS'),
    'camera_node': ('ros.camera.parameters', 'CAMERA_PARAMETERS'),
    'mapper_node': ('ros.mapper.parameters', 'MAPPER_PARAMETERS'),
    'view_node': ('ros.view.parameters', 'VIEW_PARAMETERS'),
    'alert_bridge': ('telemetry.bridge_parameters', 'BRIDGE_PARAMETERS'),
}


@functools.lru_cache(maxsize=None)
def parser(name):
    """Return the parser of a command of ours; None for nodes, whose options are ROS's."""
    if name == 'effvit-compress':
        cli = pytest.importorskip('effvit_compression.cli', reason='make setup-train')
        return cli.build_parser()
    module, function = {n: (m, f) for n, m, f in commands()}[name]
    return None if name in TABLES else parser_of(module, function)


@functools.lru_cache(maxsize=None)
def parameters(node):
    """Return name -> row of a node's parameters."""
    module, table = TABLES[node]
    rows = getattr(importlib.import_module(f'effvit_ros.{module}'), table)
    return {row.name: row for row in rows}


@functools.lru_cache(maxsize=None)
def makefile():
    """Return the Makefile's targets and the variables that it takes."""
    text = (ROOT / 'Makefile').read_text(encoding='utf-8')
    return (set(re.findall(r'^([a-z0-9-]+):', text, re.MULTILINE)),
            set(re.findall(r'^(\w+) \?=', text, re.MULTILINE)))


@functools.lru_cache(maxsize=None)
def launch_arguments(name):
    """Return the arguments that a launch file declares."""
    with pytest.MonkeyPatch.context() as patch:
        return set(standin.arguments(standin.load(patch, name)))


def normal(command):
    """Return a command's program and its words, without the folder or ``ros2 run`` before it."""
    words = list(command.words)
    for name, value in STAND_FOR.items():
        words = [word.replace(name, value) for word in words]
    words[0] = re.sub(r'^(\.venv|venv|python)/bin/', '', words[0])
    if words[:3] == ['ros2', 'run', 'effvit_ros'] and len(words) > 3:
        words = words[3:]
    if words[0] in ('python', 'torchrun') and '-m' in words:
        words = words[words.index('-m') + 1:]
        words[0] = {'effvit_compression.cli': 'effvit-compress',
                    'effvit_ros.demo': 'effvit_demo'}.get(words[0], words[0])
    return words


def test_blocks_say_what_language_they_are_in():
    # sh where something is typed, text where it is shown.
    assert [block.name for block in blocks() if block.language not in LANGUAGES] == []


def test_programs_are_there():
    known = TOOLS | OURS | set(MODULES) | {'COMMAND', 'pytest'}
    assert [command for command in COMMANDS if normal(command)[0] not in known] == []


@pytest.mark.parametrize('command', [c for c in COMMANDS if normal(c)[0] in set(
    ENTRY_POINTS) - set(TABLES) | set(MODULES) | {'effvit-compress'}], ids=lambda c: ' '.join(
        c.words)[:70])
def test_its_options_are_those_of_the_program(command):
    name, *words = normal(command)
    plain = list(itertools.takewhile(lambda word: '--ros-args' not in word, words))
    known = parser(name)
    inline = '`' in command.where
    if command.synopsis or inline:
        options = {option for below in with_subparsers(known)
                   for action in below._actions for option in action.option_strings}
        typed = set(re.findall(r'(?<![\w-])--[a-z][\w-]*', ' '.join(plain)))
        assert typed <= options, command
        return
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            known.parse_args(plain)
    except SystemExit:
        pytest.fail(f'{command.where}: {" ".join(command.words)}: {said.getvalue()}')


@pytest.mark.parametrize('command', [c for c in COMMANDS if normal(c)[0] in TABLES],
                         ids=lambda c: ' '.join(c.words)[:70])
def test_parameters_are_the_nodes_own(command):
    name, *words = normal(command)
    for option, value in zip(words, words[1:]):
        if option != '-p':
            continue
        key, _, text = value.partition(':=')
        assert key in parameters(name) or key == 'use_sim_time', command
        if key in parameters(name):
            parameters(name)[key].parse(text)


@pytest.mark.parametrize('command', [c for c in COMMANDS if c.words[:3] == [
    'ros2', 'param', 'set']], ids=lambda c: ' '.join(c.words))
def test_parameters_that_are_set_are_there(command):
    node, name, value = command.words[3:6]
    row = parameters(f'{node.strip("/")}_node')[name]
    if not command.where.startswith('docs/telemetry.md: $ '):  # there it shows what is refused
        row.parse(value)


@pytest.mark.parametrize('command', [c for c in COMMANDS if c.words[0] == 'make'],
                         ids=lambda c: ' '.join(c.words))
def test_targets_and_their_variables_are_in_the_makefile(command):
    targets, variables = makefile()
    for word in command.words[1:]:
        assert word.partition('=')[0] in (variables if '=' in word else targets), command


@pytest.mark.parametrize('command', [c for c in COMMANDS if c.words[:3] == [
    'ros2', 'launch', 'effvit_ros']], ids=lambda c: ' '.join(c.words))
def test_launch_files_take_the_arguments(command):
    given = {word.partition(':=')[0] for word in command.words[4:] if ':=' in word}
    assert given <= launch_arguments(command.words[3]), command


def test_paths_in_the_repository_are_there():
    paths = {word.replace('$SHARE/', '') for command in COMMANDS for word in command.words}
    assert [path for path in paths if path.startswith(FOLDERS)
            and not (ROOT / path).exists()] == []


def test_extras_are_in_setup_py():
    known = set(re.findall(r"^        '(\w+)': \[", (ROOT / 'setup.py').read_text(), re.MULTILINE))
    typed = ' '.join(word for command in COMMANDS for word in command.words)
    named = ','.join(re.findall(r'(?:\.|effvit_ros)\[([\w,]+)\]', typed)).split(',')
    assert set(named) <= known, named
