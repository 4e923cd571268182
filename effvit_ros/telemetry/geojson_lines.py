"""Alerts with a place as GeoJSON, a feature a line: what scripts and map servers take."""
from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Union

from effvit_ros.core.alerts import Alert
from effvit_ros.core.errors import UserError
from effvit_ros.telemetry.placed import place_of


def feature_line(alert: Alert, now: datetime) -> str:
    """Return a line of JSON: a Point feature of an alert with a place."""
    place = place_of(alert)
    return json.dumps({
        'type': 'Feature',
        'geometry': {'type': 'Point', 'coordinates': [
            round(place.longitude, 7), round(place.latitude, 7)]},
        'properties': {'class': alert.name, 'id': alert.key, 'state': alert.state,
                       'uncertainty_m': round(place.uncertainty_m, 1),
                       'time': now.isoformat(timespec='milliseconds').replace('+00:00', 'Z')}},
        separators=(',', ':'))


class GeojsonLines:
    """Appends each alert with a place to a file."""

    def __init__(self, path: Union[str, Path]) -> None:
        """
        Open the file, whose folder is made.

        :raises UserError: it can't be written.
        """
        path = Path(path).expanduser()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, 'a', encoding='utf-8')
        except OSError as error:
            raise UserError(f'geojson_file {path}: {error.strerror}') from None
        self.description = f'GeoJSON lines to {path}'

    def send(self, alert: Alert) -> None:
        """Append one alert; OSError where the disk is full."""
        self._file.write(feature_line(alert, datetime.now(timezone.utc)) + '\n')
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
