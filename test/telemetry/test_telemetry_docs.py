"""docs/telemetry.md says what is so."""
from __future__ import annotations

import re

import numpy as np
import pytest
from live_ros import ROOT
from rclpy.serialization import serialize_message
from std_msgs.msg import Header

from effvit_ros.core.alerts import Alert, alert_rules, DEFAULT_ALERTS, RAISED
from effvit_ros.core.classes import lpcv_classes
from effvit_ros.ros.segmenter.alert_topic import alerts_message
from effvit_ros.ros.segmenter.outputs import areas_message
from effvit_ros.telemetry.bridge_parameters import BRIDGE_PARAMETERS
from effvit_ros.telemetry.status_text import parse_severities, status_text

PAGE = ' '.join((ROOT / 'docs' / 'telemetry.md').read_text(encoding='utf-8').split())
NAMES = lpcv_classes().names
ALERTS = [Alert(rule.name, RAISED, 0.0123) for rule in alert_rules('auto', NAMES)]
HEADER = Header(frame_id='camera')
HEADER.stamp.sec = 1795404785


def test_the_default_rules():
    assert f'`{DEFAULT_ALERTS}`' in PAGE
    config = (ROOT / 'config' / 'segmenter.yaml').read_text(encoding='utf-8')
    assert DEFAULT_ALERTS in ' '.join(config.replace('#', '').split())


@pytest.mark.parametrize('row', BRIDGE_PARAMETERS, ids=lambda row: row.name)
def test_every_parameter_of_the_bridge_with_its_default(row):
    assert f'| `{row.name}` | `{row.default}` |' in PAGE


def test_the_sizes_of_messages():
    one, four = (len(serialize_message(alerts_message(alerts, HEADER)))
                 for alerts in (ALERTS[:1], ALERTS))
    assert f'{one} bytes with one alert, {four} with four' in PAGE
    areas = len(serialize_message(areas_message(np.zeros(len(NAMES), np.float32), NAMES, HEADER)))
    assert f'{areas} bytes with the {len(NAMES)} LPCV classes' in PAGE


def test_the_sizes_on_mavlink():
    common = pytest.importorskip('pymavlink.dialects.v20.common')
    mavlink = common.MAVLink(None, 1, 191)

    def size(text):
        return len(common.MAVLink_statustext_message(4, text.encode()).pack(mavlink))
    sizes = [size(status_text(alert, parse_severities('')).text) for alert in ALERTS]
    assert f'STATUSTEXT | {min(sizes)} to {max(sizes)} bytes (at most {size("x" * 50)})' in PAGE
    beat = len(common.MAVLink_heartbeat_message(18, 8, 0, 0, 4, 3).pack(mavlink))
    assert re.search(f'heartbeat of {beat} each second', PAGE)
