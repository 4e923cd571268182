"""The wall between the drone's package and the workstation's, and old interpreters."""
from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DRONE = sorted((ROOT / 'effvit_ros').rglob('*.py'))
CORE = [p for folder in ('core', 'flight', 'bags', 'report')
        for p in sorted((ROOT / 'effvit_ros' / folder).rglob('*.py'))]
WORKSTATION = sorted((ROOT / 'compression').rglob('*.py'))
TRAINING = {'torch', 'timm', 'torchvision', 'segmentation_models_pytorch', 'effvit_compression'}


def imported(path):
    """Return the top-level packages that a file imports anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split('.')[0])
    return names


def relative(path):
    """Return a readable id."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize('path', DRONE, ids=relative)
def test_the_drone_side_knows_no_training_library(path):
    assert not imported(path) & TRAINING


@pytest.mark.parametrize('path', DRONE, ids=relative)
def test_the_drone_side_parses_as_python_38(path):
    ast.parse(path.read_text(encoding='utf-8'), feature_version=(3, 8))


@pytest.mark.parametrize('path', CORE, ids=relative)
def test_the_core_knows_no_ros(path):
    assert 'rclpy' not in imported(path)


@pytest.mark.parametrize('path', WORKSTATION, ids=relative)
def test_the_workstation_side_knows_no_ros(path):
    assert 'rclpy' not in imported(path)


def test_the_folder_compression_does_not_shadow_the_standard_library():
    # Python 3.14 has a package of that name, which gzip and others import.
    assert not (ROOT / 'compression' / '__init__.py').exists()


def _modules(folder, package):
    for path in sorted((ROOT / folder).rglob('*.py')):
        parts = path.relative_to(ROOT / folder).with_suffix('').parts
        if parts[-1] != '__main__':
            yield '.'.join((package,) + (parts[:-1] if parts[-1] == '__init__' else parts))


@pytest.mark.parametrize('modules, forbidden', [
    pytest.param(list(_modules('effvit_ros', 'effvit_ros')), TRAINING, id='drone'),
    pytest.param(list(_modules('compression/effvit_compression', 'effvit_compression')),
                 {'rclpy'}, id='workstation'),
])
def test_importing_a_whole_side_brings_in_nothing_of_the_other(modules, forbidden):
    package = modules[0].split('.')[0]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f'{package} is not installed: make setup-train')
    program = (
        'import importlib, sys\n'
        f'for name in {modules!r}: importlib.import_module(name)\n'
        f'print(sorted({forbidden!r} & set(sys.modules)))\n')
    result = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                            cwd=ROOT, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == '[]'
