"""What a user can set on the alert bridge."""
from __future__ import annotations

from effvit_ros.ros.common.parameters import ON_START, Parameter
from effvit_ros.telemetry.status_text import severities_problem

BRIDGE_PARAMETERS = (
    Parameter(
        'link', 'mavlink', 'How texts reach the autopilot.', effective=ON_START,
        choices=('mavlink', 'mavros', 'px4')),
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
)
