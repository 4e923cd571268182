"""What a user can set on the alert bridge."""
from __future__ import annotations

from effvit_ros.ros.common.parameters import ON_START, Parameter
from effvit_ros.telemetry.status_text import severities_problem

BRIDGE_PARAMETERS = (
    Parameter(
        'link', 'mavlink', 'How texts reach the autopilot.', effective=ON_START,
        choices=('mavlink', 'mavros', 'px4', 'none')),
    Parameter(
        'address', 'udpout:127.0.0.1:14550',
        'Where MAVLink goes: udpout:HOST:PORT or a serial device.', effective=ON_START),
    Parameter(
        'baud', 57600, 'Speed of a serial device.', effective=ON_START, low=1200, high=4000000),
    Parameter(
        'system_id', 1, "MAVLink system id: the vehicle's own.", effective=ON_START,
        low=1, high=255),
    Parameter(
        'component_id', 191, 'MAVLink component id; 191 is the first onboard computer.',
        effective=ON_START, low=1, high=255),
    Parameter(
        'severities', 'person=critical, fire/flare=critical, other=warning',
        'Severity of an alert that is raised: ALERT=SEVERITY, ...', effective=ON_START,
        check=severities_problem),
    Parameter(
        'max_rate', 1.0, 'Send at most so many texts a second.', effective=ON_START,
        low=0.01, high=100.0),
    Parameter(
        'cot_address', '',
        "Alerts with a place as Cursor on Target to HOST:PORT (TAK's group: 239.2.3.1:6969); "
        'empty: none.', effective=ON_START),
    Parameter(
        'cot_source', 'effvit', 'Begins the uids of Cursor on Target: one for each aircraft.',
        effective=ON_START),
    Parameter(
        'cot_stale', 300.0, 'Seconds after which a marker is old; half of it later it is sent '
        'again.', effective=ON_START, low=10.0, high=86400.0),
    Parameter(
        'geojson_file', '', 'Append alerts with a place to this file as GeoJSON lines; empty: '
        'none.', effective=ON_START),
)
