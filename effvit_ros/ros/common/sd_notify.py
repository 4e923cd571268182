"""
What systemd is told of a service of ``Type=notify``, by the protocol of sd_notify(3).

A datagram with lines ``NAME=VALUE`` to the Unix socket that ``NOTIFY_SOCKET`` names. Where it
is not set, nobody asked, and nothing is sent.

The node's end is not told: under ``ros2 launch`` the node is one process of the service, and
systemd would end the others with it, where the launch file only starts the node again.
"""
from __future__ import annotations

import os
import socket
from typing import Mapping, Optional


class ServiceManager:
    """Tells the service manager that the node is ready and lives."""

    def __init__(self, environment: Optional[Mapping[str, str]] = None) -> None:
        """Read the socket and the watchdog's period from ``environment``, else the process's."""
        environment = os.environ if environment is None else environment
        self._address = environment.get('NOTIFY_SOCKET', '')
        if self._address.startswith('@'):  # Linux's abstract namespace
            self._address = '\0' + self._address[1:]
        #: Seconds without a sign of life after which the service is killed; 0.0 for never.
        self.watchdog_s = _watchdog_s(environment) if self._address else 0.0
        self._is_ready = False
        self._status: Optional[str] = None
        self._fed = float('-inf')

    def ready(self) -> None:
        """Tell that the start is over; only the first call does."""
        if not self._is_ready:
            self._is_ready = True
            self._send('READY=1')

    def status(self, sentence: str) -> None:
        """Tell what ``systemctl status`` shows; the same sentence again is not sent."""
        if sentence != self._status:
            self._status = sentence
            self._send('STATUS=' + sentence.replace('\n', ' '))

    def alive(self, now: float) -> None:
        """
        Give a sign of life; one for each half of the watchdog's period is sent.

        :param now: seconds of a steady clock.
        """
        if self.watchdog_s and now - self._fed >= self.watchdog_s / 2:
            self._fed = now
            self._send('WATCHDOG=1')

    def _send(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.connect(self._address)
                out.sendall(text.encode())
        except OSError:
            pass  # a manager that does not listen is no reason to fail


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """Return the watchdog's period in seconds; 0.0 where it is not meant for this process."""
    for_process = environment.get('WATCHDOG_PID', '')
    try:
        if for_process and int(for_process) != os.getpid():
            return 0.0
        return int(environment.get('WATCHDOG_USEC', 0)) * 1e-6
    except ValueError:
        return 0.0
