"""Alerts with a place handed to those who show them on a map: what is new, and reminders."""
from __future__ import annotations

from typing import Dict, Iterable, List

from effvit_ros.core.alerts import Alert, CLEARED, Place, RAISED


class PlacedAlerts:
    """Turns messages that each tell the whole state into what is to be sent of single alerts."""

    def __init__(self) -> None:
        """Start with nothing raised."""
        self._raised: Dict[str, Alert] = {}
        self._sent: Dict[str, float] = {}

    def take(self, alerts: Iterable[Alert]) -> List[Alert]:
        """
        Take in a message and return the alerts that changed.

        New, no longer raised, or moved by more than half of their uncertainty.
        """
        placed = {alert.key: alert for alert in alerts if alert.place is not None}
        changed = []
        for key, alert in placed.items():
            before = self._raised.get(key)
            if alert.state == RAISED:
                if before is None or _moved(place_of(before), place_of(alert)):
                    self._raised[key] = alert
                    changed.append(alert)
            elif before is not None:
                del self._raised[key]
                changed.append(alert)
        for key in [key for key in self._raised if key not in placed]:
            changed.append(self._raised.pop(key)._replace(state=CLEARED))
        return changed

    def due(self, now: float, period_s: float) -> List[Alert]:
        """
        Return the raised alerts that were not sent for ``period_s``: a datagram may get lost.

        :param now: seconds of a clock that never jumps back.
        """
        return [alert for key, alert in self._raised.items()
                if now - self._sent.get(key, -1e9) >= period_s]

    def sent(self, alert: Alert, now: float) -> None:
        """Note that an alert was sent."""
        self._sent[alert.key] = now
        if alert.state != RAISED:
            self._sent.pop(alert.key)


def place_of(alert: Alert) -> Place:
    """
    Return the place of an alert that has one.

    :raises ValueError: it has none.
    """
    if alert.place is None:
        raise ValueError(f'{alert.name} has no place')
    return alert.place


def _moved(before: Place, now: Place) -> bool:
    # A degree of latitude is 111 km; of longitude less, which only sends more seldom.
    away = 111_000 * max(abs(before.latitude - now.latitude),
                         abs(before.longitude - now.longitude))
    return away > 0.5 * now.uncertainty_m
