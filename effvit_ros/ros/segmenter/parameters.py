"""What a user can set on the segmenter."""
from __future__ import annotations

from effvit_ros.core.alerts import alerts_problem
from effvit_ros.core.bit_depth import bit_depth_problem
from effvit_ros.core.bundle import LOW_POWER_MODEL, pin_problem
from effvit_ros.core.engine_policy import BUILD_CHOICES
from effvit_ros.core.jpeg import LINK_QUALITY
from effvit_ros.core.runtimes import RUNTIMES
from effvit_ros.ros.common.parameters import ON_ACTIVATE, ON_CONFIGURE, ON_START, Parameter

SEGMENTER_PARAMETERS = (
    Parameter(
        'model', '', 'Bundle folder, or the name of a shipped bundle; empty: the default one.',
        effective=ON_CONFIGURE),
    Parameter(
        'model_sha256', '',
        'Load only bundles whose manifest.yaml has this sha256, or one of these; empty: any.',
        effective=ON_CONFIGURE, check=pin_problem),
    Parameter(
        'runtime', 'auto', 'What executes the graph; auto takes the fastest that is installed.',
        effective=ON_CONFIGURE, choices=('auto',) + tuple(RUNTIMES)),
    Parameter(
        'threads', 0, 'CPU threads for inference; 0 leaves it to the runtime.',
        effective=ON_CONFIGURE, low=0, high=256),
    Parameter(
        'engine_build', 'auto',
        'Whether a missing TensorRT engine is built while the node is configured.',
        effective=ON_CONFIGURE, choices=BUILD_CHOICES),
    Parameter(
        'autostart', True, 'Configure and activate by itself, once, when the node starts.',
        effective=ON_START),
    Parameter(
        'image_transport', 'raw', 'Subscribe to the image topic itself, its /compressed, or to '
        'video packets on its /ffmpeg or /foxglove.',
        effective=ON_ACTIVATE, choices=('raw', 'compressed', 'ffmpeg', 'foxglove')),
    Parameter(
        'image_reliability', 'auto',
        "Reliability of the image subscription; auto takes the publisher's own.",
        effective=ON_ACTIVATE, choices=('auto', 'reliable', 'best_effort')),
    Parameter(
        'min_confidence', 0.0,
        'Leave pixels unlabelled (255) whose class is less probable; 0: label every pixel.',
        low=0.0, high=1.0),
    Parameter(
        'view_alarm', True,
        'Warn when what the camera shows is unlike what the model was trained on.'),
    Parameter(
        'region_min_pixels', 16, 'Regions of fewer pixels are left out of ~/regions.',
        low=1, high=1000000),
    Parameter(
        'bit_depth', 0, 'Bits that 16-bit pictures fill: 8, 10, 12, 14 or 16; 0: as their values '
        'tell.', low=0, high=16, check=bit_depth_problem),
    Parameter(
        'max_rate', 0.0, 'Segment at most so many frames a second; 0: as many as possible.',
        low=0.0, high=1000.0),
    Parameter(
        'target_rate_hz', 0.0,
        'Frames a second to keep: no more are segmented, fewer are warned of; 0: none.',
        low=0.0, high=1000.0),
    Parameter(
        'max_cpu', 0.0,
        "Slow down above so many percent of the whole machine's CPU time; 0: never.",
        low=0.0, high=100.0),
    Parameter(
        'max_temperature', 0.0, 'Slow down where the machine is hotter, in Celsius; 0: never.',
        low=0.0, high=150.0),
    Parameter(
        'low_power', False, 'Use low_power_model and low_power_rate.'),
    Parameter(
        'low_power_model', LOW_POWER_MODEL,
        'Bundle folder or name while low_power is on, of the same classes; empty: model.'),
    Parameter(
        'low_power_rate', 0.0, 'Frames a second while low_power is on; 0: as otherwise.',
        low=0.0, high=1000.0),
    Parameter(
        'watchdog_timeout', 5.0,
        'End the process (exit code 75) when one frame takes so many seconds; 0: never.',
        low=0.0, high=3600.0),
    Parameter(
        'no_image_timeout', 3.0, 'Warn when no frame came for so many seconds; 0: never.',
        low=0.0, high=3600.0),
    Parameter(
        'latency_budget_ms', 0.0,
        'Warn when the latency p95 is higher, from arrival to the last result; 0: never.',
        low=0.0, high=60000.0),
    Parameter(
        'warn_temperature_c', 85.0, 'Warn when the machine is so hot; 0: never.',
        low=0.0, high=150.0),
    Parameter(
        'error_temperature_c', 95.0, 'Report an error when the machine is so hot; 0: never.',
        low=0.0, high=150.0),
    Parameter(
        'max_memory_mb', 0, 'Warn when this process has more memory; 0: never.',
        low=0, high=1048576),
    Parameter(
        'overlay_alpha', 0.5, "Weight of the classes' colours in the overlay.",
        low=0.0, high=1.0),
    Parameter(
        'overlay_legend', True, 'Draw the names of the classes in view into the overlay.'),
    Parameter(
        'overlay_max_rate', 0.0,
        'Draw at most so many overlays a second, raw and JPEG; 0: one for each frame.',
        low=0.0, high=1000.0),
    Parameter(
        'jpeg_quality', LINK_QUALITY, 'JPEG quality of ~/overlay/compressed.',
        low=1, high=100),
    Parameter(
        'jpeg_max_width', 0,
        "Width that ~/overlay/compressed is reduced to, in pixels; 0: the picture's.",
        low=0, high=16384),
    Parameter(
        'alerts', 'auto',
        'What ~/alerts tells: CLASS>SHARE<LOWER_SHARExFRAMES, ... (person>0.001<0.0005x3); auto: '
        'the classes that matter in disasters, but for those that the model knows from a '
        'simulation alone; none: nothing.', check=alerts_problem),
)
