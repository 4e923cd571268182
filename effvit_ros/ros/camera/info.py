"""Calibrations: ``camera_info`` from a file, from a focal length, or marked as unknown."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional

import yaml
from sensor_msgs.msg import CameraInfo

from effvit_ros.core.errors import UserError


class Calibration:
    """
    What is known of a camera; :meth:`info` gives the message for a picture size.

    Without file and focal length ``k`` is all zero, which sensor_msgs defines as uncalibrated.
    """

    def __init__(self, path: str = '', focal_px: Optional[float] = None) -> None:
        """
        Read ``path``, the YAML that camera_calibration writes, or take an ideal pinhole.

        :param focal_px: focal length in pixels, for a pinhole without distortion whose axis
            is the picture's centre.
        :raises UserError: the file is missing or is no such calibration.
        """
        self._path = path
        self._file = _read(path) if path else None
        self._focal_px = focal_px

    def info(self, width: int, height: int) -> CameraInfo:
        """
        Return a ``CameraInfo`` without header for pictures of ``width`` x ``height`` pixels.

        A file of another size is scaled, as for a picture that was resized.
        """
        message = CameraInfo(width=width, height=height)
        if self._file is not None:
            sx, sy = width / self._file['image_width'], height / self._file['image_height']
            message.distortion_model = self._file['distortion_model']
            message.d = self._file['distortion_coefficients']
            message.k = _scaled(self._file['camera_matrix'], 3, sx, sy)
            message.r = self._file['rectification_matrix']
            message.p = _scaled(self._file['projection_matrix'], 4, sx, sy)
        elif self._focal_px:
            f, cx, cy = self._focal_px, (width - 1) / 2, (height - 1) / 2
            message.distortion_model = 'plumb_bob'
            message.d = [0.0] * 5
            message.k = [f, 0.0, cx, 0.0, f, cy, 0.0, 0.0, 1.0]
            message.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
            message.p = [f, 0.0, cx, 0.0, 0.0, f, cy, 0.0, 0.0, 0.0, 1.0, 0.0]
        return message


# Key of the file -> how many numbers its data must have (None: any).
_MATRICES = {'camera_matrix': 9, 'rectification_matrix': 9, 'projection_matrix': 12,
             'distortion_coefficients': None}


def _read(path: str) -> Dict[str, Any]:
    """Return the file's keys with each matrix as a flat list of floats."""
    try:
        content = yaml.safe_load(Path(path).expanduser().read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = ' '.join(str(error).split())
        raise UserError(f'camera info {path}: cannot be read: {problem}') from None
    if not isinstance(content, dict):
        raise UserError(f'camera info {path}: holds no keys: give the YAML of camera_calibration')
    result: Dict[str, Any] = {}
    for key in ('image_width', 'image_height'):
        result[key] = content.get(key)
        if not isinstance(result[key], int) or result[key] < 1:
            raise UserError(f'camera info {path}: {key} is {result[key]!r}, not a pixel count')
    result['distortion_model'] = str(content.get('distortion_model', ''))
    for key, count in _MATRICES.items():
        entry = content.get(key)
        data = entry.get('data') if isinstance(entry, dict) else None
        if (not isinstance(data, list) or count not in (None, len(data))
                or not all(isinstance(v, (int, float)) for v in data)):
            wanted = 'a list of numbers' if count is None else f'{count} numbers'
            raise UserError(f'camera info {path}: {key}.data is {data!r}, not {wanted}')
        result[key] = [float(v) for v in data]
    return result


def _scaled(matrix: List[float], columns: int, sx: float, sy: float) -> List[float]:
    """Scale the first row of a flat matrix by ``sx`` and the second by ``sy``."""
    return ([v * sx for v in matrix[:columns]] + [v * sy for v in matrix[columns:2 * columns]]
            + matrix[2 * columns:])
