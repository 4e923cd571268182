"""STATUSTEXT over MAVLink itself, by pymavlink."""
from __future__ import annotations

from effvit_ros.core.errors import UserError
from effvit_ros.telemetry.ports import open_port
from effvit_ros.telemetry.status_text import StatusText


class MavlinkLink:
    """Sends MAVLink 2 from a component of the vehicle; receives nothing."""

    def __init__(self, address: str, baud: int, system_id: int, component_id: int) -> None:
        """
        Open the link.

        :param address: ``udpout:HOST:PORT`` or a serial device, which runs at ``baud``.
        :raises UserError: the address can't be used, or pymavlink or pyserial is missing.
        """
        try:
            from pymavlink.dialects.v20 import common
        except ImportError:
            raise UserError("pymavlink is not installed: pip install 'pymavlink>=2.4.41,<3', "
                            'or set link to mavros or px4') from None
        self._dialect = common
        self._port = open_port(address, baud)
        self._mav = common.MAVLink(self._port, system_id, component_id)
        self.description = f'MAVLink to {address} as {system_id}/{component_id}'

    def send(self, status: StatusText) -> None:
        """
        Send a :class:`~effvit_ros.telemetry.status_text.StatusText`.

        :raises OSError: the link is down; a later call may find it up again.
        """
        self._mav.statustext_send(status.severity, status.text.encode('ascii'))

    def heartbeat(self) -> None:
        """Send the heartbeat by which routers and autopilots know of this component."""
        self._mav.heartbeat_send(
            self._dialect.MAV_TYPE_ONBOARD_CONTROLLER, self._dialect.MAV_AUTOPILOT_INVALID,
            0, 0, self._dialect.MAV_STATE_ACTIVE)

    def close(self) -> None:
        """Close the port."""
        self._port.close()
