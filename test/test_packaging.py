"""The package as a ROS user (colcon) and as anyone else (pip) installs it."""
from __future__ import annotations

import configparser
import importlib
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: What the repository holds for installing; nothing that a build left behind.
SOURCES = ('package.xml', 'pyproject.toml', 'setup.py', 'setup.cfg', 'LICENSE', 'README.md',
           'effvit_ros', 'launch', 'config', 'resource', 'compression', 'test')


def commands():
    """Return command -> 'module:function' as setup.py declares them."""
    text = (ROOT / 'setup.py').read_text(encoding='utf-8')
    return dict(re.findall(r"'(\w+) = (effvit_ros[\w.]*:\w+)'", text))


@pytest.fixture(scope='module')
def sources(tmp_path_factory):
    """Return a copy of the sources in a folder of its own."""
    folder = tmp_path_factory.mktemp('workspace') / 'src' / 'effvit_ros'
    folder.mkdir(parents=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name,
                            ignore=shutil.ignore_patterns('__pycache__', '*.egg-info'))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope='module')
def installed(sources):
    """Return the prefix that colcon installs the package into."""
    pytest.importorskip('colcon_ros', reason='colcon is not installed: make setup-test')
    workspace = sources.parents[1]
    result = subprocess.run(
        [str(Path(sys.executable).parent / 'colcon'), 'build', '--event-handlers',
         'console_direct+'],
        cwd=workspace, capture_output=True, text=True, timeout=120,
        env={**os.environ, 'COLCON_HOME': str(workspace / 'colcon')})
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'Finished <<< effvit_ros' in result.stdout + result.stderr
    return workspace / 'install' / 'effvit_ros'


def test_package_xml_is_valid():
    package = pytest.importorskip('catkin_pkg.package', reason='catkin_pkg is not installed')
    manifest = package.parse_package(str(ROOT))
    manifest.validate()
    assert manifest.name == 'effvit_ros'
    setup_version = re.search(r"version='([\d.]+)'", (ROOT / 'setup.py').read_text()).group(1)
    assert manifest.version == setup_version


def test_package_xml_names_every_ros_package_that_is_imported():
    used = set()
    for path in list((ROOT / 'effvit_ros').rglob('*.py')) + list((ROOT / 'launch').glob('*.py')):
        used |= set(re.findall(
            r'^\s*(?:from|import) (rclpy|launch\w*|\w+_msgs|\w+_interfaces)\b',
            path.read_text(encoding='utf-8'), re.MULTILINE))
    declared = set(re.findall(r'<exec_depend>(.*?)<', (ROOT / 'package.xml').read_text()))
    optional = {'vision_msgs', 'mavros_msgs', 'px4_msgs'}  # used where they are installed
    assert used - optional <= declared


@pytest.mark.parametrize('name, target', sorted(commands().items()))
def test_every_command_leads_to_a_function(name, target):
    module, function = target.split(':')
    assert callable(getattr(importlib.import_module(module), function))


def test_colcon_installs_what_ros2_run_and_launch_look_for(installed):
    assert {p.name for p in (installed / 'lib' / 'effvit_ros').iterdir()} == set(commands())
    index = installed / 'share' / 'ament_index' / 'resource_index' / 'packages' / 'effvit_ros'
    assert index.is_file()
    share = installed / 'share' / 'effvit_ros'
    configuration = [path for path in ROOT.glob('config/**/*') if path.is_file()]
    for path in [*ROOT.glob('launch/*.launch.py'), *configuration,
                 *ROOT.glob('resource/models/*/*')]:
        assert (share / path.relative_to(ROOT)).is_file(), path
    assert (share / 'package.xml').is_file()


def test_the_colcon_install_finds_its_share_folder(installed):
    site = next(installed.glob('lib/python3*/site-packages'))
    environment = {k: v for k, v in os.environ.items() if k != 'AMENT_PREFIX_PATH'}
    result = subprocess.run(
        [sys.executable, '-c',
         'from effvit_ros.core.install_paths import share_directory; print(share_directory())'],
        capture_output=True, text=True, cwd=site, env={**environment, 'PYTHONPATH': str(site)})
    assert Path(result.stdout.strip()) == installed / 'share' / 'effvit_ros', result.stderr


def test_scripts_of_a_robot_use_its_own_python():
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg')
    assert config['build_scripts']['executable'] == '/usr/bin/env python3'


@pytest.mark.slow
def test_the_wheel_holds_launchers_for_ros2_run(sources, tmp_path):
    subprocess.run([sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps',
                    '--wheel-dir', str(tmp_path), str(sources)], check=True, timeout=300)
    wheel = zipfile.ZipFile(next(tmp_path.glob('effvit_ros-*.whl')))
    names = {i.filename.split('.data/data/')[1]: i for i in wheel.infolist()
             if '.data/data/' in i.filename}
    for command in commands():
        launcher = names[f'lib/effvit_ros/{command}']
        assert launcher.external_attr >> 16 & stat.S_IXUSR
    assert any(n.startswith('share/effvit_ros/resource/models/') for n in names)
    assert 'share/effvit_ros/config/segmenter.yaml' in names
