"""The udev rule: one line that gives one camera one name."""
from __future__ import annotations

import re

from live_ros import ROOT

RULES = ROOT / 'config' / 'udev' / '99-effvit-camera.rules'


def test_the_rule_names_the_picture_device_of_one_camera():
    rule, = [line for line in RULES.read_text().splitlines() if not line.startswith('#')]
    parts = re.fullmatch(r'((?:\w+(?:\{\w+\})?(?:==|\+=|=)"[^"]*"(?:, )?)+)', rule)
    assert parts, 'not in the syntax of udev'
    for needed in ('SUBSYSTEM=="video4linux"', 'ATTR{index}=="0"', 'ATTRS{idVendor}==',
                   'SYMLINK+="effvit_camera"', 'GROUP="video"'):
        assert needed in rule
