"""
Who may import whom, by room, and that old interpreters and the other side's libraries stay out.

A room is a folder with what is below it; a module that lies directly in a package is a room of
its own. All imports count: lazy ones, and modules that are named in strings (registries, child
processes).
"""
from __future__ import annotations

import ast
import functools
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import graphlib
import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {'effvit_ros': ROOT / 'effvit_ros',
            'effvit_compression': ROOT / 'compression' / 'effvit_compression'}
TRAINING = {'torch', 'timm', 'torchvision', 'segmentation_models_pytorch', 'effvit_compression'}
ROS = {'rclpy'}

#: Room of effvit_ros -> the rooms that it may import from. ROS is known only where ``ros`` is
#: among them, in the ``ros.`` rooms, and in what talks to a running node.
DRONE = {
    'core': '',
    'report': 'core',
    'bags': 'core',
    'flight': 'core',
    'labeling': 'core bags report',
    'mapping': 'core bags flight report',
    'ros.common': 'core',
    'ros.health': 'core',
    'ros.camera': 'core flight ros.common',
    'ros.segmenter': 'core ros.common ros.health',
    'ros.mapper': 'core mapping ros.common ros.segmenter',
    'ros.view': 'core ros.common ros.segmenter',
    'telemetry': 'core ros.common ros.segmenter',
    'onboard': 'core mapping ros.camera ros.common ros.mapper ros.segmenter ros.view telemetry',
    'harness': 'core report ros.camera ros.common ros.health ros.segmenter',
    'evaluation': 'core bags report harness ros.common ros.health ros.segmenter',
    'demo': 'core report harness ros.camera ros.view',  # its sources, which do without ROS
    'bench': 'core report flight harness',
    'soak': 'core report bags harness ros.health',
    'gpu_check': 'core report harness effvit_compression.profiling',  # torch, where it is there
    'render_flight': 'core bags flight mapping report',
    'map_demo': 'core mapping render_flight',
}
#: Rooms of effvit_ros that do without ROS 2.
WITHOUT_ROS = ('core', 'report', 'bags', 'flight', 'labeling', 'mapping', 'gpu_check',
               'render_flight', 'map_demo')

#: Room of effvit_compression -> the rooms that it may import from; all may import ``core`` and
#: ``report`` of effvit_ros, and nobody another room of it but those that are named.
WORKSTATION = {
    'torch_env': '',
    'files': '',
    'overrides': '',
    'data': 'effvit_ros.labeling',
    'ranks': '',
    'ablation_settings': '',
    'models': 'torch_env data ranks files',
    'losses': 'torch_env data',
    'evaluation': 'data',
    'profiling': 'models',
    'peers': 'export profiling effvit_ros.flight',
    'training': 'torch_env data losses models ranks evaluation',
    'pruning': 'torch_env models training',
    'export': 'torch_env data evaluation files models ranks',
    'teachers': 'data export models',
    'adapt': 'torch_env data evaluation export files losses models training '
             'effvit_ros.evaluation',
    'importing': 'torch_env data export',
    'budget': 'export models peers profiling pruning recipe',
    'recipe': 'ablation_settings data export losses models overrides pruning teachers '
              'training',
    'reporting': 'profiling',
    'pipeline': 'data files models ranks recipe training',
    'stages': 'data evaluation export losses models pipeline pruning ranks recipe '
              'reporting teachers training effvit_ros.flight',
    'ablation': 'ablation_settings evaluation export files overrides pipeline profiling recipe '
                'reporting stages',
    'commands': 'ablation adapt budget data evaluation export files importing models overrides '
                'peers pipeline profiling ranks recipe reporting stages training '
                'effvit_ros.labeling',
    'cli': 'commands files',
}


def modules():
    """Yield (dotted name, path) of every module of both packages."""
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob('*.py')):
            parts = path.relative_to(folder).with_suffix('').parts
            yield '.'.join((package,) + (parts[:-1] if parts[-1] == '__init__' else parts)), path


MODULES = dict(modules())
OURS = re.compile(r'(?:effvit_ros|effvit_compression)(?:\.\w+)+')


@functools.lru_cache(maxsize=None)
def imports(path):
    """Return the dotted names that a module imports anywhere in it, or names in a string."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: import by the full name'
            names |= {f'{node.module}.{alias.name}' for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = OURS.fullmatch(node.value)
            names |= {found.group()} if found else set()
    return names


def module_of(name):
    """Return the module of ours that a dotted name is of, or None."""
    while name and name not in MODULES:
        name = name.rpartition('.')[0]
    return name or None


def room_of(module):
    """Return the room of a module as its table calls it, with the package for strangers."""
    package, *parts = module.split('.')
    if package == 'effvit_ros' and parts[:1] == ['ros']:
        return package, '.'.join(parts[:2])
    return package, parts[0] if parts else ''


def edges():
    """Return (module, imported module) for all imports between modules of ours."""
    return sorted((module, module_of(name)) for module, path in MODULES.items()
                  for name in imports(path)
                  if name.split('.')[0] in PACKAGES and module_of(name) not in (None, module))


EDGES = edges()


def allowed(package, room):
    """Return the rooms, with their package, that a room may import from."""
    table = DRONE if package == 'effvit_ros' else WORKSTATION
    names = table[room].split()
    if package == 'effvit_compression':
        names += ['effvit_ros.core', 'effvit_ros.report']
    whole = {tuple(name.split('.', 1)) for name in names if name.split('.')[0] in PACKAGES}
    return whole | {(package, name) for name in names if name.split('.')[0] not in PACKAGES}


def test_every_room_is_in_the_table():
    found = {room_of(module) for module in MODULES if room_of(module)[1] not in ('', 'ros')}
    tables = {('effvit_ros', room) for room in DRONE} | {
        ('effvit_compression', room) for room in WORKSTATION}
    assert found == tables


@pytest.mark.parametrize('package, room', [
    pytest.param(package, room, id=f'{package}.{room}')
    for package, table in (('effvit_ros', DRONE), ('effvit_compression', WORKSTATION))
    for room in table])
def test_a_room_imports_only_from_those_below_it(package, room):
    may = allowed(package, room) | {(package, room), (package, ''), (package, 'ros')}
    wrong = [f'{module} imports {target}' for module, target in EDGES
             if room_of(module) == (package, room) and room_of(target) not in may]
    assert wrong == []


@pytest.mark.parametrize('package, table', [('effvit_ros', DRONE),
                                            ('effvit_compression', WORKSTATION)])
def test_rooms_do_not_circle(package, table):
    order = graphlib.TopologicalSorter({
        room: [name for name in names.split() if name in table] for room, names in table.items()})
    assert set(order.static_order()) == set(table)  # raises CycleError


def folder_of(module):
    """Return the folder that a module lies in, alone, or itself where that is a package's root."""
    folder = MODULES[module].parent
    return module if folder in PACKAGES.values() else str(folder.relative_to(ROOT))


def test_folders_taken_singly_do_not_circle():
    """A folder is what lies directly in it: ``core`` is one, ``core/runtimes`` another."""
    graph = {}
    for module, target in EDGES:
        if folder_of(module) != folder_of(target):
            graph.setdefault(folder_of(module), set()).add(folder_of(target))
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_modules_do_not_circle():
    """Not within a room either: who imports whom is an order over all modules."""
    graph = {}
    for module, target in EDGES:
        graph.setdefault(module, set()).add(target)
    graphlib.TopologicalSorter(graph).prepare()


def third_party(path):
    """Return the top-level packages that a file imports anywhere in it."""
    return {name.split('.')[0] for name in imports(path)}


def test_the_drone_side_parses_as_python_38():
    for module, path in MODULES.items():
        if module.startswith('effvit_ros'):
            ast.parse(path.read_text(encoding='utf-8'), str(path), feature_version=(3, 8))


def test_the_drone_side_knows_no_training_library():
    knows = {module: third_party(path) & TRAINING for module, path in MODULES.items()
             if module.startswith('effvit_ros') and room_of(module)[1] != 'gpu_check'}
    assert {module: names for module, names in knows.items() if names} == {}


def test_what_does_without_ros_does_not_know_it():
    assert [module for module, path in MODULES.items() if third_party(path) & ROS and (
        module.startswith('effvit_compression') or room_of(module)[1] in WITHOUT_ROS)] == []


def test_the_folder_compression_does_not_shadow_the_standard_library():
    # Python 3.14 has a package of that name, which gzip and others import.
    assert not (ROOT / 'compression' / '__init__.py').exists()


@pytest.mark.parametrize('package, forbidden', [
    pytest.param('effvit_ros', TRAINING, id='drone'),
    pytest.param('effvit_compression', ROS, id='workstation'),
])
def test_importing_a_whole_side_brings_in_nothing_of_the_other(package, forbidden):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f'{package} is not installed: make setup-train')
    names = [m for m in MODULES if m.startswith(package) and not m.endswith('__main__')]
    program = (
        'import importlib, os, sys\n'
        f'for name in {names!r}:\n'
        '    try: importlib.import_module(name)\n'
        '    except ModuleNotFoundError as error:  # a library that colcon test does without\n'
        '        if os.environ.get("EFFVIT_ALL_LIBRARIES") or "effvit" in error.name: raise\n'
        f'print(sorted({forbidden!r} & set(sys.modules)))\n')
    result = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                            cwd=ROOT, timeout=600)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == '[]'
