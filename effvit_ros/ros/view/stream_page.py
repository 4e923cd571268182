"""What the page is told of a stream; knows no ROS, so that the demo shows the same without it."""
from __future__ import annotations

import secrets
import time
from typing import Any, Dict, Iterable, Mapping, Sequence, Tuple

from effvit_ros.core.alerts import Alert
from effvit_ros.ros.segmenter.rate_limit import RateLimit
from effvit_ros.ros.view.server import is_loopback, PageServer

#: Classes that the page lists.
MOST_CLASSES = 14


def open_page(address: str, port: int, token: str = '') -> PageServer:
    """
    Return a :class:`PageServer`, with a token of its own where others could look.

    :raises UserError: the address or the port can't be used.
    """
    return PageServer(address, port, '' if is_loopback(address)
                      else token or secrets.token_urlsafe(12))


class StreamPage:
    """The page of one stream."""

    def __init__(self, server: PageServer) -> None:
        """Tell what follows to the browsers of ``server``."""
        self._server, self._limit = server, RateLimit()
        self._colours: Dict[str, str] = {}

    def wants_picture(self, rate: float) -> bool:
        """Return whether somebody looks and the next of ``rate`` pictures a second is due."""
        return self._server.watched and self._limit.admits(time.monotonic(), rate)

    def picture(self, jpeg: bytes) -> None:
        """Show a picture, a JPEG's bytes."""
        self._server.tell('picture', jpeg, keep=False)

    def legend(self, colours: Mapping[str, Sequence[int]]) -> None:
        """Say what the classes look like, name -> (r, g, b)."""
        self._colours = {name: '#%02x%02x%02x' % tuple(rgb) for name, rgb in colours.items()}
        self._server.tell('legend', self._colours)

    def areas(self, names: Sequence[str], shares: Sequence[float]) -> None:
        """List the classes in view, by their shares of the picture, 0..1."""
        rows = sorted(zip(shares, names), reverse=True)[:MOST_CLASSES]
        self._server.tell('classes', [
            [name, round(float(share), 4), self._colours.get(name, '#888')]
            for share, name in rows if share > 0], keep=False)

    def alerts(self, alerts: Iterable[Alert]) -> None:
        """List :class:`~effvit_ros.core.alerts.Alert`, those with a place on the map, too."""
        self._server.tell('alerts', [
            {'name': a.name, 'state': a.state, 'share': a.share, 'id': a.key,
             'place': None if a.place is None else list(a.place)} for a in alerts])

    def health(self, name: str, level: int, message: str,
               values: Iterable[Tuple[str, str]]) -> None:
        """Say how something does: a level of DiagnosticStatus, a sentence, (key, value) pairs."""
        self._server.tell(f'health {name}', {
            'name': name, 'level': level, 'message': message,
            'values': [list(pair) for pair in values]}, keep=False)

    def map(self, geojson: Any) -> None:
        """Show a map, a GeoJSON document."""
        self._server.tell('map', geojson)
