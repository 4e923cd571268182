"""The systemd unit: systemd's own opinion, and what the node needs of it."""
from __future__ import annotations

import configparser
import re
import shutil
import subprocess

import pytest
from live_ros import ROOT

UNIT = ROOT / 'config' / 'systemd' / 'effvit-segmenter@.service'
ENVIRONMENT = ROOT / 'config' / 'systemd' / 'effvit.env'

needs_systemd = pytest.mark.skipif(
    shutil.which('systemd-analyze') is None, reason='systemd-analyze is not installed')


@pytest.fixture(scope='module')
def service():
    """Return the keys of the [Service] section; of a repeated one the last."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read(UNIT, encoding='utf-8')
    return parser['Service']


def systemd_analyze(*arguments):
    return subprocess.run(['systemd-analyze', *arguments], capture_output=True, text=True,
                          timeout=120)


@needs_systemd
def test_systemd_has_nothing_to_say_about_it(tmp_path):
    unit = tmp_path / 'effvit-segmenter@uav1.service'
    shutil.copy(UNIT, unit)
    result = systemd_analyze('verify', '--man=no', str(unit))
    about_it = [line for line in result.stderr.splitlines() if 'effvit' in line]
    assert (result.returncode, about_it) == (0, [])


@needs_systemd
def test_systemd_finds_a_typing_mistake(tmp_path):
    unit = tmp_path / 'effvit-segmenter@uav1.service'
    unit.write_text(UNIT.read_text().replace('WatchdogSec=', 'WatchdogSecs='))
    result = systemd_analyze('verify', '--man=no', str(unit))
    assert 'WatchdogSecs' in result.stderr


@needs_systemd
def test_its_exposure_is_what_systemd_calls_ok(tmp_path):
    unit = tmp_path / UNIT.name
    shutil.copy(UNIT, unit)
    result = systemd_analyze('security', '--offline=true', '--no-pager', '--threshold=30',
                             str(unit))
    if 'unrecognized option' in result.stderr:
        pytest.skip('this systemd-analyze has no --offline')
    assert result.returncode == 0, result.stdout[-200:] + result.stderr


def test_the_node_can_report_to_the_watchdog_through_ros2_launch(service):
    assert (service['Type'], service['NotifyAccess']) == ('notify', 'all')
    assert int(service['WatchdogSec']) > 0
    assert 'unset WATCHDOG_PID' in service['ExecStart']


@pytest.mark.parametrize('key', [
    'ProtectClock', 'PrivateDevices', 'DeviceAllow', 'DevicePolicy', 'MemoryDenyWriteExecute',
    'PrivateNetwork', 'PrivateIPC'])
def test_nothing_takes_camera_gpu_compiled_kernels_or_dds_away(service, key):
    assert key not in service


def test_what_it_reads_from_the_environment_is_in_the_shipped_file(service):
    given = dict(line.split('=', 1) for line in ENVIRONMENT.read_text().splitlines()
                 if line and not line.startswith('#'))
    wanted = set(re.findall(r'\$\{(\w+)', service['ExecStart']))
    assert wanted == {'EFFVIT_SETUP'} and wanted <= set(given)


def test_the_launch_file_it_starts_exists(service):
    launch_file, = re.findall(r'effvit_ros (\S+\.launch\.py)', service['ExecStart'])
    assert (ROOT / 'launch' / launch_file).is_file()
    assert 'vehicle:=' in service['ExecStart']
