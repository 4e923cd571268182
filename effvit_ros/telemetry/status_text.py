"""Alerts as the short texts of MAVLink's STATUSTEXT: wording, severity, what is still to send."""
from __future__ import annotations

import math
from typing import Dict, Iterable, Mapping, NamedTuple, Optional

from effvit_ros.core.alerts import Alert, CLEARED, RAISED
from effvit_ros.core.errors import UserError

#: MAV_SEVERITY: the position is the number.
SEVERITIES = ('emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug')
#: Characters that fit into one STATUSTEXT.
TEXT_LENGTH = 50
#: The name in :func:`parse_severities` for every alert that has none of its own.
OTHER = 'other'

_CLEARED, _UNKNOWN = SEVERITIES.index('info'), SEVERITIES.index('notice')


class StatusText(NamedTuple):
    """A STATUSTEXT: its severity, 0 (worst) to 7, and up to 50 ASCII characters."""

    severity: int
    text: str


def parse_severities(text: str) -> Dict[str, int]:
    """
    Return a dict from alert to severity, 0 to 7, of a text like ``person=critical, other=info``.

    :raises UserError: names the part that is wrong.
    """
    found = {OTHER: SEVERITIES.index('warning')}
    for part in filter(None, (part.strip() for part in text.split(','))):
        name, equals, severity = (piece.strip() for piece in part.rpartition('='))
        if not equals or not name or severity not in SEVERITIES:
            raise UserError(f"severities: '{part}': give ALERT=SEVERITY, the severity one of "
                            f'{", ".join(SEVERITIES)}, for example person=critical')
        found[name] = SEVERITIES.index(severity)
    return found


def severities_problem(text: str) -> Optional[str]:
    """Return what is wrong with a text for :func:`parse_severities`, or None."""
    try:
        parse_severities(text)
    except UserError as error:
        return str(error)
    return None


def status_text(alert: Alert, severities: Mapping[str, int]) -> StatusText:
    """
    Return the :class:`StatusText` of an :class:`~effvit_ros.core.alerts.Alert`.

    A name that is too long is cut, never the rest.
    """
    if alert.state == RAISED:
        severity = severities.get(alert.name, severities[OTHER])
        if alert.place is None or not alert.place.on_earth:
            rest = f' seen: {alert.share * 100:.3g}% of picture'
        else:
            # 1e-5 degrees are a metre.
            rest = (f' at {alert.place.latitude:.5f}, {alert.place.longitude:.5f} '
                    f'+-{math.ceil(alert.place.uncertainty_m)} m')
    elif alert.state == CLEARED:
        severity, rest = _CLEARED, ' gone'
    else:
        severity, rest = _UNKNOWN, ' not watched any more'
    name = alert.name.encode('ascii', 'replace').decode()
    return StatusText(severity, name[:TEXT_LENGTH - len(rest)] + rest)


class Announcer:
    """
    Turns messages that each tell the whole state into texts that each tell one change.

    What is still to be sent is at most one text for each alert: a newer one replaces it.
    """

    def __init__(self, severities: Mapping[str, int]) -> None:
        """Start with nothing raised; ``severities`` is what :func:`parse_severities` returns."""
        self._severities = severities
        self._raised: Dict[str, Alert] = {}
        self._pending: Dict[str, StatusText] = {}

    def take(self, alerts: Iterable[Alert]) -> None:
        """Take in a message: all alerts that are raised, and those that ceased to be."""
        state = {alert.key: alert for alert in alerts}
        for name, alert in state.items():
            if (alert.state == RAISED) != (name in self._raised):
                self._note(alert)
        # One that is not named any more was cleared in a message that got lost.
        for name in [name for name in self._raised if name not in state]:
            self._note(self._raised[name]._replace(state=CLEARED))

    def next(self) -> Optional[StatusText]:
        """Return the most severe text that is still to be sent, the oldest of those; or None."""
        return min(self._pending.values(), key=lambda status: status.severity, default=None)

    def sent(self, status: StatusText) -> None:
        """Strike off what :meth:`next` returned."""
        self._pending = {n: s for n, s in self._pending.items() if s is not status}

    def _note(self, alert: Alert) -> None:
        if alert.state == RAISED:
            self._raised[alert.key] = alert
        else:
            del self._raised[alert.key]
        self._pending.pop(alert.key, None)
        self._pending[alert.key] = status_text(alert, self._severities)
