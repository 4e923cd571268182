"""What a command says where a library is missing: one line and 2, and --help all the same."""
from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from effvit_ros.core import libraries, missing
from effvit_ros.core.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
SETUP = (ROOT / 'setup.py').read_text(encoding='utf-8')
COMMANDS = {
    **dict(re.findall(r"'(\w+) = (effvit_ros[\w.]*:\w+)'", SETUP)),
    'make bench': 'effvit_ros.bench.command:main', 'make soak': 'effvit_ros.soak.command:main',
    'make gpu-check': 'effvit_ros.gpu_check.command:main'}
OPTIONAL = ('rclpy', 'rich', 'matplotlib', 'rosbags', 'mcap', 'zstandard', 'PIL', 'av',
            'openvino', 'onnxruntime', 'onnx', 'tensorrt', 'pycuda', 'pymavlink', 'serial')


def start(command, *arguments, missing=()):
    """Run a command in a process that lacks these libraries."""
    module, function = COMMANDS[command].split(':')
    program = (f'import sys; sys.modules.update(dict.fromkeys({missing!r})); '
               f'sys.argv[0] = {command!r}; from {module} import {function} as main; '
               'sys.exit(main())')
    return subprocess.run([sys.executable, '-c', program, *arguments], cwd=ROOT, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)


@pytest.mark.parametrize('command', COMMANDS)
def test_help_needs_no_optional_library(command):
    result = start(command, '--help', missing=OPTIONAL)
    assert (result.returncode, result.stderr) == (0, '')
    assert 'usage:' in result.stdout.lower()


@pytest.mark.parametrize('command, arguments, missing, words', [
    ('segmenter_node', (), 'rclpy', 'ROS 2 is not here (no rclpy): source its setup file'),
    ('camera_node', (), 'rclpy', 'ROS 2 is not here'),
    ('alert_bridge', (), 'rclpy', 'ROS 2 is not here'),
    ('segmenter_node', (), 'diagnostic_msgs', 'ROS 2 is not here (no diagnostic_msgs'),
    ('effvit_demo', (), 'rclpy', 'ROS 2 is not here'),
    ('effvit_demo', (), 'rich', "not installed: rich: pip install 'effvit_ros[demo]'"),
    ('make bench', (), 'rclpy', 'ROS 2 is not here'),
    ('make soak', (), 'rich', "not installed: rich: pip install 'effvit_ros[demo]'"),
])
def test_a_missing_library_is_one_line(command, arguments, missing, words):
    result = start(command, *arguments, missing=(missing,))
    assert result.returncode == 2
    assert result.stderr.startswith('error: ') and result.stderr.count('\n') == 1
    assert words in result.stderr


@pytest.mark.parametrize('error, words', [
    (ModuleNotFoundError("No module named 'sensor_msgs'", name='sensor_msgs'),
     'ROS 2 is not here (no sensor_msgs)'),
    (ModuleNotFoundError("No module named 'yaml'", name='yaml'), 'pip install yaml'),
    (ModuleNotFoundError("No module named 'rclpy.lifecycle'", name='rclpy.lifecycle'),
     'older than humble'),
    (ImportError("cannot import name 'SignalHandlerOptions' from 'rclpy.signals'",
                 name='rclpy.signals'), 'older than humble'),
    (ImportError('numpy.core.multiarray failed to import'), "pip install 'numpy<2'"),
    (ImportError('libGL.so.1: cannot open shared object file', name='cv2'),
     'cv2 cannot be loaded: libGL.so.1'),
], ids=['messages', 'other', 'Foxy', 'Foxy signals', 'NumPy 2 on Humble', 'shared object'])
def test_what_an_import_error_means(error, words, monkeypatch):
    monkeypatch.setattr(missing, 'find_spec', lambda name: name)
    assert words in missing.import_problem(error)


def test_a_fault_of_our_own_is_no_mistake_of_the_user():
    error = ImportError('cannot import name', name='effvit_ros.core.bundle')
    assert missing.import_problem(error) is None


def test_bags_on_an_old_python_are_not_advised(monkeypatch):
    monkeypatch.setattr(libraries, 'find_spec', lambda name: None)
    monkeypatch.setattr(libraries.sys, 'version_info', (3, 8, 18))
    with pytest.raises(UserError, match=r'Python 3\.10 or newer, and this is Python 3\.8'):
        libraries.need(*missing.READING)


@pytest.mark.parametrize('version, refused', [('1.8.5', True), ('2.0.0', False), ('2.1', False)])
def test_a_library_of_an_old_distribution_is_one_line(monkeypatch, version, refused):
    pytest.importorskip('shapely')
    monkeypatch.setattr(libraries.metadata, 'version', lambda name: version)
    if not refused:
        libraries.need('shapely')
        return
    with pytest.raises(UserError, match=r"shapely 1.8.5 is too old, 2.0 is needed: "
                                        r"pip install 'effvit_ros\[map\]'"):
        libraries.need('shapely')
