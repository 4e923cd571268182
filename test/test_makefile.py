"""The Makefile on machines that lack what its targets need: one line, before anything is built."""
from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(shutil.which('make') is None, reason='make is not installed')


def make(*arguments, path=None):
    """Run make as on a fresh clone; returns the finished process."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith('MAKE')}
    return subprocess.run(
        ['make', '--no-print-directory', 'VENV=/nowhere', *arguments], cwd=ROOT, timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
        env={**environment, **({'PATH': path} if path else {})})


@pytest.mark.parametrize('platform', ['Linux aarch64', 'Linux armv7l', 'Darwin arm64'])
def test_without_wheels_the_demo_runs_without_ros(platform):
    planned = make('--dry-run', 'demo', f'PLATFORM={platform}')
    assert f'no ROS 2 wheels for {platform}' in planned.stdout
    assert 'effvit_demo --no-ros --source flight' in planned.stdout
    assert 'ros,' not in planned.stdout.split('--editable')[1].split('\n')[0]


def test_on_a_pc_it_runs_with_ros():
    planned = make('--dry-run', 'demo', 'PLATFORM=Linux x86_64').stdout
    assert '--no-ros' not in planned and 'effvit_demo' in planned


@pytest.mark.parametrize('given, option', [
    ((), '--view '), (('VIEW=0.0.0.0',), '--view 0.0.0.0'), (('VIEW=0',), '')],
    ids=['by default', 'for others', 'not'])
@pytest.mark.parametrize('platform', ['Linux x86_64', 'Linux aarch64'])
def test_the_page_of_the_demo(given, option, platform):
    planned = make('--dry-run', 'demo', f'PLATFORM={platform}', *given).stdout
    assert planned.rstrip('\n').split('--duration 20 ')[1] == option
    assert 'view' in planned.split('--editable')[1].split('\n')[0]


@pytest.mark.parametrize('target', ['bench', 'soak', 'map-demo', 'test'])
def test_what_needs_ros_says_what_works_instead(target):
    result = make(target, 'PLATFORM=Linux aarch64')
    assert result.returncode == 2
    line, = [line for line in result.stderr.splitlines() if not line.startswith('make:')]
    assert line == ('error: no ROS 2 wheels for Linux aarch64: make demo works here; '
                    'ROS from apt: docs/onboard.md')
    assert result.stdout == ''


def test_without_emulation_the_tests_for_arm_boards_say_what_is_missing(tmp_path):
    for tool in ('make', 'bash', 'dirname', 'uname', 'env', 'sh'):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    result = make('test-aarch64', path=str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert 'skipped: test-aarch64 needs Docker' in result.stderr
