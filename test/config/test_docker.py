"""The Dockerfiles, which CI can't build: what they copy is there, enough, and nothing more."""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from live_ros import ROOT

DOCKERFILES = sorted((ROOT / 'docs' / 'docker').glob('*.Dockerfile'))
PACKAGE = 'effvit_ros'
TRAINING = {'torch', 'timm', 'torchvision', 'effvit_compression', 'compression'}


def instructions(path):
    """Return (name, arguments) of each instruction, continued lines joined."""
    lines = [line for line in path.read_text(encoding='utf-8').splitlines()
             if not line.lstrip().startswith('#')]
    text = re.sub(r'\\\n\s*', '', '\n'.join(lines))
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line]


def copied(path):
    """Return (source, destination) of what comes from the repository."""
    pairs = []
    for name, arguments in instructions(path):
        if name == 'COPY' and '--from=' not in arguments:
            *sources, destination = arguments.split()
            pairs += [(source, destination) for source in sources]
    return pairs


def let_through():
    """Return the names that .dockerignore lets into the build."""
    lines = (ROOT / '.dockerignore').read_text(encoding='utf-8').splitlines()
    assert '*' in lines
    return {line[1:] for line in lines if line.startswith('!')}


@pytest.fixture(params=DOCKERFILES, ids=lambda path: path.stem)
def dockerfile(request):
    """Return each Dockerfile in turn."""
    return request.param


def test_there_is_one_for_a_computer_and_one_for_a_jetson():
    assert [path.stem for path in DOCKERFILES] == ['jazzy', 'jetson']


def test_what_is_copied_is_there_and_not_ignored(dockerfile):
    sources = {source for source, _ in copied(dockerfile)}
    assert sources
    assert [s for s in sources if not (ROOT / s).exists()] == []
    assert sources <= let_through()


def test_no_training_code_gets_in(dockerfile):
    assert not let_through() & TRAINING
    installed = set(re.findall(r'[\w-]+', dockerfile.read_text(encoding='utf-8').lower()))
    assert not installed & TRAINING


def stages(path):
    """Return the build's stages, each a list of (name, arguments) that begins with FROM."""
    found = []
    for name, arguments in instructions(path):
        if name == 'FROM':
            found.append([])
        if found:
            found[-1].append((name, arguments))
    return found


def test_what_builds_is_not_in_what_flies(dockerfile):
    *builders, final = stages(dockerfile)
    names = {re.fullmatch(r'\S+ AS (\w+)', stage[0][1]).group(1) for stage in builders}
    for name, arguments in final:
        if name == 'COPY':  # what an earlier stage made, and nothing of the sources
            assert re.match(r'--from=(\w+) ', arguments).group(1) in names
    assert not [arguments for name, arguments in final
                if name == 'RUN' and re.search(r'colcon|g\+\+|python3-dev', arguments)]


def test_it_runs_as_an_ordinary_user_that_it_makes(dockerfile):
    final = stages(dockerfile)[-1]
    made = {user for name, arguments in final if name == 'RUN'
            for user in re.findall(r'useradd [^&]*?(\w+)$', arguments)}
    (at, user), = [(i, arguments) for i, (name, arguments) in enumerate(final) if name == 'USER']
    assert user in made - {'root'}
    assert 'RUN' not in [name for name, _ in final[at:]]


def test_it_starts_a_launch_file_that_the_package_has(dockerfile):
    command = json.loads(dict(stages(dockerfile)[-1])['CMD'])
    assert command[:3] == ['ros2', 'launch', PACKAGE]
    assert (ROOT / 'launch' / command[3]).is_file()
    entry = json.loads(dict(stages(dockerfile)[-1])['ENTRYPOINT'])
    # The entry point hands its arguments on: as bash reads it, with the setup file left out.
    script = re.sub(r'source \S+', 'true', entry[2])
    result = subprocess.run([*entry[:2], script, *entry[3:], 'echo', 'a b'], capture_output=True,
                            text=True)
    assert result.stdout == 'a b\n'


def test_docker_stop_ends_it_as_ctrl_c_does(dockerfile):
    # ros2 launch leaves its nodes behind on SIGTERM.
    assert ('STOPSIGNAL', 'SIGINT') in instructions(dockerfile)


@pytest.mark.slow
def test_what_is_copied_is_enough_for_colcon(dockerfile, tmp_path):
    pytest.importorskip('colcon_ros', reason='colcon is not installed: make setup-test')
    for source, destination in copied(dockerfile):
        target = tmp_path / destination.lstrip('/')
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target,
                            ignore=shutil.ignore_patterns('__pycache__'))
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, target)
    workspace = tmp_path / 'ws'
    result = subprocess.run(
        [str(Path(sys.executable).parent / 'colcon'), 'build',
         '--install-base', str(tmp_path / 'install')],
        cwd=workspace, capture_output=True, text=True, timeout=300,
        env={**os.environ, 'COLCON_HOME': str(workspace / 'colcon')})
    assert result.returncode == 0, result.stdout + result.stderr
    share = tmp_path / 'install' / 'effvit_ros' / 'share' / 'effvit_ros'
    assert (share / 'launch' / 'drone.launch.py').is_file()
    assert list((share / 'resource' / 'models').glob('*/manifest.yaml'))
