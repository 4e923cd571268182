"""What a vehicle's file may say, section by section; docs/onboard.md explains it."""
from __future__ import annotations

from typing import Optional, Tuple

from effvit_ros.mapping.mount import KINDS as KINDS_OF_MOUNT
from effvit_ros.ros.camera.sources import KINDS
from effvit_ros.ros.common.parameters import ON_START, Parameter, Value
from effvit_ros.ros.mapper.parameters import MAPPER_PARAMETERS
from effvit_ros.ros.segmenter.parameters import SEGMENTER_PARAMETERS
from effvit_ros.ros.view.parameters import VIEW_PARAMETERS
from effvit_ros.telemetry.bridge_parameters import BRIDGE_PARAMETERS

#: The drivers that may be installed, in the order in which ``auto`` takes them, and our own.
DRIVERS = ('v4l2_camera', 'usb_cam', 'gscam', 'camera_node')


def _row(name: str, default: Value, description: str, choices: Tuple[str, ...] = (),
         low: Optional[float] = None, high: Optional[float] = None) -> Parameter:
    """Return a row that is read when the vehicle's nodes start, as all of them are."""
    return Parameter(name, default, description, ON_START, choices, low, high)


#: Keys at the top of the file, besides the sections.
VEHICLE = (
    _row('namespace', '', 'Namespace of every node and topic of this aircraft, such as uav1.'),
    _row('respawn_delay', 2.0, 'Seconds before a node that ended is started again.',
         low=0.0, high=600.0),
    _row('log_level', 'info', 'Lowest level of log messages to show.',
         choices=('debug', 'info', 'warn', 'error', 'fatal')),
)

CAMERA = (
    _row('driver', 'auto', 'Which package reads the camera; auto takes the first installed.',
         choices=('auto',) + DRIVERS + ('none',)),
    _row('device', '/dev/video0', 'The video device.'),
    _row('pipeline', '', "gscam's GStreamer pipeline, without its sink."),
    _row('source', 'device', 'Where camera_node takes frames from.', choices=KINDS),
    _row('path', '', "Folder or video file, for camera_node's sources of that name."),
    _row('width', 640, 'Width of the pictures in pixels.', low=1, high=16384),
    _row('height', 480, 'Height of the pictures in pixels.', low=1, high=16384),
    _row('rate_hz', 30.0, 'Frames a second.', low=0.1, high=1000.0),
    _row('pixel_format', '', "The driver's name for the device's pixel format; empty: its own "
         'default.'),
    _row('frame_id', '', "frame_id of every header; empty: 'camera' with the namespace in front."),
    _row('calibration', '', 'Calibration, the YAML of camera_calibration; a relative path '
         "starts at the vehicle's file."),
    _row('image_topic', 'camera/image_raw', 'Where the pictures are; another name only with '
         'driver none.'),
)

RECORDING = (
    _row('enabled', False, 'Record, from the start to the end of every flight.'),
    _row('folder', '~/bags', 'Folder of the recordings.'),
    _row('labels', True, 'Record the label images and their legend.'),
    _row('overlay', True, 'Record the overlay as JPEG.'),
    _row('camera_info', True, "Record the labels' camera_info."),
    _row('class_areas', True, 'Record the class areas.'),
    _row('alerts', True, 'Record the alerts.'),
    _row('diagnostics', True, 'Record /diagnostics.'),
    _row('image', 'none', "Record the camera's pictures, with their camera_info.",
         choices=('none', 'raw', 'compressed')),
    _row('storage', 'mcap', "rosbag2's storage.", choices=('mcap', 'sqlite3')),
    _row('max_split_mb', 256, 'A new file of the bag is begun at this size.', low=1, high=65536),
    _row('max_total_mb', 8192, 'What all recordings together may take; 0: no limit.',
         low=0, high=1 << 24),
    _row('min_free_mb', 1024, 'What stays free on the disk; 0: no limit.', low=0, high=1 << 24),
    _row('when_full', 'delete_oldest', 'What happens at either limit.',
         choices=('delete_oldest', 'stop')),
)

ALERT_BRIDGE = (
    _row('enabled', False, 'Run alert_bridge: alerts go to the autopilot.'),
    *BRIDGE_PARAMETERS,
)

#: How the camera sits on the aircraft: the mapper and map_bag read it.
MOUNT = (
    _row('kind', 'fixed', 'The camera is fixed, or on a gimbal that keeps the horizon.',
         choices=KINDS_OF_MOUNT),
    _row('tilt_deg', 90.0, 'Degrees below the horizon; 90: down.', low=-90.0, high=180.0),
    _row('pan_deg', 0.0, 'Degrees to the right of the nose.', low=-180.0, high=180.0),
    _row('roll_deg', 0.0, 'Degrees clockwise about its own axis.', low=-180.0, high=180.0),
    _row('forward_m', 0.0, "Metres before the pose's place.", low=-100.0, high=100.0),
    _row('left_m', 0.0, "Metres to the left of the pose's place.", low=-100.0, high=100.0),
    _row('up_m', 0.0, "Metres above the pose's place.", low=-100.0, high=100.0),
)

#: The mapper's own parameters; the mount is told once, above.
MAPPER = (
    _row('enabled', False, 'Run mapper_node: needs the poses of the aircraft.'),
    *(row for row in MAPPER_PARAMETERS if row.name in (
        'cell', 'height', 'height_value', 'convention', 'map_frame', 'camera_frame',
        'time_offset', 'save_folder')),
)

VIEW = (
    _row('enabled', False, 'Serve a page that shows the stream in a browser.'),
    *(row for row in VIEW_PARAMETERS if row.name in ('address', 'port', 'token')),
)

FOXGLOVE = (
    _row('enabled', False, 'Run foxglove_bridge: it listens on a TCP port.'),
    _row('address', '127.0.0.1', 'Address it listens on; the default is for an SSH tunnel.'),
    _row('port', 8765, 'TCP port.', low=1, high=65535),
)

#: Section -> its rows.
SECTIONS = {
    'camera': CAMERA,
    'segmenter': SEGMENTER_PARAMETERS,
    'recording': RECORDING,
    'mount': MOUNT,
    'mapper': MAPPER,
    'view': VIEW,
    'alert_bridge': ALERT_BRIDGE,
    'foxglove': FOXGLOVE,
}
