"""What a user can set on the mapper; docs/mapping.md explains it."""
from __future__ import annotations

from effvit_ros.mapping.mount import KINDS
from effvit_ros.mapping.pose_messages import CONVENTIONS
from effvit_ros.mapping.pose_settings import HEIGHTS
from effvit_ros.ros.common.parameters import ON_ACTIVATE, ON_CONFIGURE, ON_START, Parameter

RAW, COMPRESSED = 'raw', 'compressed'

MAPPER_PARAMETERS = (
    Parameter('autostart', True, 'Configure and activate by itself, once, when the node starts.',
              effective=ON_START),
    Parameter('cell', 0.25, "Side of the map's cells, metres.", effective=ON_CONFIGURE,
              low=0.05, high=10.0),
    Parameter('widest_angle', 60.0, 'Pixels that look further from straight down are not used.',
              effective=ON_CONFIGURE, low=5.0, high=85.0),
    Parameter('labels_transport', RAW, 'Labels come as images, or as PNG on labels/compressed.',
              effective=ON_ACTIVATE, choices=(RAW, COMPRESSED)),
    Parameter('weigh_by_confidence', True, "Subscribe to the segmenter's confidence and weigh "
              'labels by it where it comes.', effective=ON_ACTIVATE),
    Parameter('height', 'auto', 'Where the height above ground comes from.',
              effective=ON_CONFIGURE, choices=HEIGHTS),
    Parameter('height_value', 0.0, 'Metres: of constant above ground, of ground_altitude above '
              'the ellipsoid.', effective=ON_CONFIGURE, low=-500.0, high=10000.0),
    Parameter('convention', 'enu', 'Of orientations: REP 103, or north-east-down.',
              effective=ON_CONFIGURE, choices=CONVENTIONS),
    Parameter('mount', 'fixed', 'The camera is fixed, on a gimbal that keeps the horizon, or on '
              'one whose attitude comes on the topic gimbal.',
              effective=ON_CONFIGURE, choices=KINDS),
    Parameter('tilt', 90.0, 'Degrees that the camera looks below the horizon; 90: down.',
              effective=ON_CONFIGURE, low=-90.0, high=180.0),
    Parameter('pan', 0.0, 'Degrees that the camera looks to the right of the nose.',
              effective=ON_CONFIGURE, low=-180.0, high=180.0),
    Parameter('roll', 0.0, 'Degrees that the camera is turned clockwise about its own axis.',
              effective=ON_CONFIGURE, low=-180.0, high=180.0),
    Parameter('forward', 0.0, "Metres of the camera before the pose's place.",
              effective=ON_CONFIGURE, low=-100.0, high=100.0),
    Parameter('left', 0.0, "Metres of the camera to the left of the pose's place.",
              effective=ON_CONFIGURE, low=-100.0, high=100.0),
    Parameter('up', 0.0, "Metres of the camera above the pose's place.",
              effective=ON_CONFIGURE, low=-100.0, high=100.0),
    Parameter('map_frame', '', "Take the camera's pose from tf2: the frame of the map, axes east, "
              'north, up; empty: from messages of poses.', effective=ON_CONFIGURE),
    Parameter('camera_frame', '', "The camera's optical frame in tf2.", effective=ON_CONFIGURE),
    Parameter('origin_latitude', 0.0, "Of a local pose's zero, where no NavSatFix comes; 0 and "
              '0: none.', effective=ON_CONFIGURE, low=-90.0, high=90.0),
    Parameter('origin_longitude', 0.0, "Of a local pose's zero.", effective=ON_CONFIGURE,
              low=-180.0, high=180.0),
    Parameter('longest_gap', 1.0, 'Seconds between the poses on both sides of a picture.',
              effective=ON_CONFIGURE, low=0.01, high=60.0),
    Parameter('time_offset', 0.0, "Added to the pictures' stamps: negative where they are late.",
              effective=ON_CONFIGURE, low=-10.0, high=10.0),
    Parameter('pose_wait', 0.5, 'Seconds that labels wait for the pose after them.',
              low=0.0, high=10.0),
    Parameter('publish_period', 2.0, 'Seconds between two messages of the map.',
              low=0.2, high=3600.0),
    Parameter('memory_mb', 256, 'Of tiles in memory; the rest lies on disk.',
              effective=ON_CONFIGURE, low=16, high=65536),
    Parameter('folder', '', 'Tiles are kept in a folder of its own in here; empty: the '
              "system's temporary one.", effective=ON_CONFIGURE),
    Parameter('save_folder', '~/maps', 'Where ~/save writes maps.'),
)
