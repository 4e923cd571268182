"""The udev rule, applied to devices: it names the picture device of one camera and no other."""
from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from live_ros import ROOT

RULES = ROOT / 'config' / 'udev' / '99-effvit-camera.rules'
TOKEN = re.compile(r'\s*(\w+(?:\{\w+\})?)(==|!=|\+=|=)"([^"]*)"\s*(?:,|$)')
CAMERA = {'SUBSYSTEM': 'video4linux', 'ATTR{index}': '0', 'ATTRS{idVendor}': '046d',
          'ATTRS{idProduct}': '082d'}


def tokens(rule):
    """Return (key, operator, value) of each part of a rule; all of it must be such parts."""
    found, end = [], 0
    while end < len(rule):
        part = TOKEN.match(rule, end)
        assert part, f'not in the syntax of udev: {rule[end:]}'
        found.append(part.groups())
        end = part.end()
    return found


def applied(device):
    """Return what the rules assign to a device with these properties, key -> value."""
    assigned = {}
    for rule in RULES.read_text(encoding='utf-8').splitlines():
        if not rule or rule.startswith('#'):
            continue
        parts = tokens(rule)
        if all((device.get(key) == value) == (operator == '==')
               for key, operator, value in parts if operator in ('==', '!=')):
            assigned.update((key, value) for key, operator, value in parts
                            if operator in ('=', '+='))
    return assigned


@pytest.mark.parametrize('device, named', [
    pytest.param({}, True, id='its pictures'),
    pytest.param({'ATTR{index}': '1'}, False, id='its metadata'),
    pytest.param({'ATTRS{idProduct}': '0825'}, False, id='another camera of the maker'),
    pytest.param({'ATTRS{idVendor}': '32e4'}, False, id='another maker'),
    pytest.param({'SUBSYSTEM': 'sound'}, False, id='its microphone'),
])
def test_it_names_the_picture_device_of_one_camera(device, named):
    wanted = {'SYMLINK': 'effvit_camera', 'GROUP': 'video', 'MODE': '0660'}
    assert applied({**CAMERA, **device}) == (wanted if named else {})


def test_udev_has_nothing_to_say_about_it():
    if shutil.which('udevadm') is None:
        pytest.skip('udevadm is not installed')
    result = subprocess.run(['udevadm', 'verify', str(RULES)], capture_output=True, text=True)
    if 'Unknown command' in result.stderr:
        pytest.skip('this udevadm cannot verify: systemd before 254')
    assert result.returncode == 0, result.stdout + result.stderr
