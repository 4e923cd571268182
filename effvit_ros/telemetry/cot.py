"""Alerts with a place as Cursor on Target, the XML that TAK's maps show."""
from __future__ import annotations

import socket
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree

from effvit_ros.core.alerts import Alert, RAISED
from effvit_ros.core.errors import UserError
from effvit_ros.telemetry.placed import place_of

#: A spot marker on the map; found by a machine from fused data.
TYPE, HOW = 'b-m-p-s-m', 'm-f'
#: What CoT says for a height or its error that is not known.
UNKNOWN = '9999999.0'
#: Colours of the marker as ARGB, by a word in the alert's name; white for others.
COLOURS = {'person': '-16711936', 'fire': '-65536', 'flood': '-16776961', 'building': '-23296'}
#: Hops that a multicast datagram may take: a field network has one.
MULTICAST_HOPS = 1


def cot_event(alert: Alert, uid: str, now: datetime, stale_s: float) -> bytes:
    """
    Return the XML of an alert with a place, bytes.

    :param uid: the same for the same thing, so that a map moves its marker instead of adding one.
    :param now: aware datetime.
    :param stale_s: seconds after which the marker is old; an alert that is not raised any more
        is stale at once.
    """
    place = place_of(alert)
    lasts = stale_s if alert.state == RAISED else 0
    event = ElementTree.Element('event', {
        'version': '2.0', 'uid': uid, 'type': TYPE, 'how': HOW, 'time': _time(now),
        'start': _time(now), 'stale': _time(now + timedelta(seconds=lasts))})
    ElementTree.SubElement(event, 'point', {
        'lat': f'{place.latitude:.7f}', 'lon': f'{place.longitude:.7f}',
        'hae': UNKNOWN, 'ce': f'{place.uncertainty_m:.1f}', 'le': UNKNOWN})
    detail = ElementTree.SubElement(event, 'detail')
    ElementTree.SubElement(detail, 'contact', {'callsign': alert.name})
    ElementTree.SubElement(detail, 'remarks').text = (
        f'{alert.name} {alert.state}, +- {place.uncertainty_m:.1f} m (95 %), found by '
        'effvit_ros: a label is no proof')
    colour = next((c for word, c in COLOURS.items() if word in alert.name), '-1')
    ElementTree.SubElement(detail, 'color', {'argb': colour})
    return b'<?xml version="1.0" encoding="UTF-8"?>' + ElementTree.tostring(event)


def _time(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3] + 'Z'


class CotSender:
    """Sends each alert with a place to a UDP address, unicast or multicast."""

    def __init__(self, address: str, source: str, stale_s: float) -> None:
        """
        Resolve the address.

        :param address: ``HOST:PORT``, such as ``239.2.3.1:6969`` (TAK's own multicast group).
        :param source: begins the uids, such as the aircraft's name.
        :raises UserError: it is no such address.
        """
        host, _, port = address.rpartition(':')
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise UserError(f"cot_address is '{address}': give HOST:PORT, such as "
                            '239.2.3.1:6969')
        try:
            self._address = socket.gethostbyname(host), int(port)
        except (OSError, UnicodeError) as error:
            raise UserError(f"cot_address is '{address}': {error}") from None
        self._source, self._stale_s = source, stale_s
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, MULTICAST_HOPS)
        self.description = f'Cursor on Target to {address}'

    def send(self, alert: Alert) -> None:
        """Send one alert; OSError where there is no way to the address."""
        uid = f'{self._source}.{alert.key}'.replace(' ', '_')
        self._socket.sendto(
            cot_event(alert, uid, datetime.now(timezone.utc), self._stale_s), self._address)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
