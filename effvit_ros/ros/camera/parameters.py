"""What a user can set on the camera."""
from __future__ import annotations

from effvit_ros.core.jpeg import PICTURE_QUALITY
from effvit_ros.ros.camera.sources import KINDS
from effvit_ros.ros.common.parameters import ON_START, Parameter

CAMERA_PARAMETERS = (
    Parameter(
        'source', 'flight', 'Where frames come from.', effective=ON_START, choices=KINDS),
    Parameter(
        'path', '', 'The folder of pictures, the video file or the device (/dev/video0).',
        effective=ON_START),
    Parameter(
        'labels_path', '', "Folder of label pictures for source 'folder', published as truth; "
        "empty: looked for next to the pictures; 'none': no truth.", effective=ON_START),
    Parameter(
        'rate_hz', 0.0, "Frames a second; 0: the video's or the device's own rate, else 30.",
        effective=ON_START, low=0.0, high=1000.0),
    Parameter(
        'width', 0, 'Width of the pictures in pixels, together with height; 0: as the source '
        'has them (flight: 640x480).', effective=ON_START, low=0, high=16384),
    Parameter(
        'height', 0, 'Height of the pictures in pixels, together with width.',
        effective=ON_START, low=0, high=16384),
    Parameter(
        'seed', 0, 'Which scene the flight flies over.', effective=ON_START,
        low=0, high=2**31 - 1),
    Parameter(
        'loop', True, 'Start again at the end of a folder or video; else the node ends there.',
        effective=ON_START),
    Parameter(
        'prerecord', 0, 'Read so many frames before the start and repeat them, so that reading '
        'costs nothing later; 0: read as needed.', effective=ON_START, low=0, high=10000),
    Parameter(
        'frame_id', 'camera', 'frame_id of every header.', effective=ON_START),
    Parameter(
        'reliability', 'reliable', 'What image and image/compressed offer; subscribers of either '
        'kind connect to a reliable one.', effective=ON_START,
        choices=('reliable', 'best_effort')),
    Parameter(
        'camera_info_path', '', 'Calibration, the YAML of camera_calibration; empty: a pinhole '
        'for the flight, marked as uncalibrated otherwise.', effective=ON_START),
    Parameter(
        'jpeg_quality', PICTURE_QUALITY, 'JPEG quality of image/compressed.', effective=ON_START,
        low=1, high=100),
)
