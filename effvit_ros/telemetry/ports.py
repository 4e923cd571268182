"""Where MAVLink's bytes go: a UDP address or a serial device. Both only send."""
from __future__ import annotations

import socket
from typing import Union

from effvit_ros.core.errors import UserError

#: Seconds that a serial device may take for a message.
WRITE_TIMEOUT_S = 1.0


class UdpPort:
    """Sends datagrams to one address."""

    def __init__(self, host: str, port: int) -> None:
        """Resolve the host; OSError where that fails."""
        self._address = socket.gethostbyname(host), port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def write(self, data: bytes) -> None:
        """Send one datagram; OSError where there is no way to the address."""
        self._socket.sendto(data, self._address)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class SerialPort:
    """A serial device that may go away and come back, as USB adapters do."""

    def __init__(self, device: str, baud: int) -> None:
        """
        Open the device; OSError where that fails.

        :raises UserError: pyserial is not installed.
        """
        try:
            import serial
        except ImportError:
            raise UserError('pyserial is not installed, which a serial device needs: '
                            "pip install 'pyserial>=3.5,<4'") from None
        self._open = lambda: serial.Serial(device, baud, write_timeout=WRITE_TIMEOUT_S)
        self._serial = self._open()

    def write(self, data: bytes) -> None:
        """Write; OSError where the device is gone, which is opened again by the next call."""
        if self._serial is None:
            self._serial = self._open()
        try:
            self._serial.write(data)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the device."""
        if self._serial is not None:
            self._serial.close()
            self._serial = None


def open_port(address: str, baud: int) -> Union[UdpPort, SerialPort]:
    """
    Return the port for ``udpout:HOST:PORT`` or a serial device such as ``/dev/ttyTHS1``.

    :param baud: of a serial device.
    :raises UserError: the address can't be used.
    """
    try:
        if address.startswith('/dev/'):
            return SerialPort(address, baud)
        kind, _, rest = address.partition(':')
        host, _, port = rest.rpartition(':')
        if kind == 'udpout' and host and port.isdecimal() and 0 < int(port) < 65536:
            return UdpPort(host, int(port))
    except (OSError, ValueError) as error:  # ValueError: a baud rate, a host's name
        raise UserError(f'address {address}: {error}') from None
    raise UserError(f"address is '{address}': give udpout:HOST:PORT or a serial device such as "
                    '/dev/ttyTHS1')
