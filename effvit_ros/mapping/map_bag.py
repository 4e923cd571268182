"""The command ``map_bag``: a recorded flight becomes a map."""
from __future__ import annotations

import argparse
import math
import signal
import sys
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Tuple, TYPE_CHECKING

from effvit_ros.core import cli
from effvit_ros.core.errors import reports_user_errors, UserError
from effvit_ros.core.heap import give_large_blocks_back
from effvit_ros.core.libraries import need
from effvit_ros.core.missing import MAPPING, READING
from effvit_ros.core.runtimes import RUNTIMES

if TYPE_CHECKING:
    from effvit_ros.core.bundle import Bundle
    from effvit_ros.core.classes import ClassSet
    from effvit_ros.mapping.bag_map import MapSettings
    from effvit_ros.mapping.mount import Mount

_EPILOG = ('Exit codes: 0 the map is made (pictures that could not be laid on the ground are '
           'told, a line for each reason); 2 no map can be made, one line says why; 130 '
           'interrupted: the same command goes on.')


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """Make the map and return the exit code."""
    options = _parse(args)
    need(*READING, *MAPPING, 'rich')
    from effvit_ros.bags.bag import Bag
    from effvit_ros.core.bundle import load_bundle, resolve_model
    from effvit_ros.mapping.bag_map import make_map, WORK
    from effvit_ros.mapping.map_files import write_files
    from effvit_ros.report.progress import Bars
    give_large_blocks_back()
    # Asked to end, it ends as by Ctrl-C: with its last checkpoint.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    bundle = None if options.labels_topic else load_bundle(resolve_model(options.bundle))
    classes = _classes(options, bundle)
    settings = _settings(options, bundle)
    out = Path(options.out)
    if options.fresh:
        import shutil
        shutil.rmtree(out / WORK, ignore_errors=True)
    with Bag(options.bag) as bag, Bars(unit='pictures') as progress:
        made = make_map(bag, settings, out / WORK, classes, bundle,
                        lambda done, total: progress.advance(bag.name, done, total))
        progress.finish(bag.name, 'writing the map')
        report = write_files(made, settings, bag.path, out)
        problems = list(bag.problems)
    for problem in problems:
        print(f'problem: {problem.line()}', file=sys.stderr)
    _tell(report, out)
    return 0


def _tell(report: Dict[str, Any], out: Path) -> None:
    for text, count in report['bad_poses'].items():
        print(f'problem: {text}' + (f' (and {count - 1} more like it)' if count > 1 else ''),
              file=sys.stderr)
    for kind, entry in report['left_out'].items():
        print(f"problem: {entry['count']} pictures are left out, {kind}: {entry['first']}",
              file=sys.stderr)
    if report['frames_with_assumed_uncertainty']:
        print(f"note: {report['frames_with_assumed_uncertainty']} poses tell no covariance: "
              'uncertainties are assumed', file=sys.stderr)
    print(f"{report['frames']} pictures, {report['area_m2']:.0f} m2 of ground, "
          f"{report['seconds_per_frame'] * 1e3:.0f} ms a picture, "
          f"{len(report['alerts'])} alerts with a place")
    for name, entry in sorted(report['classes'].items(), key=lambda e: -e[1]['area_m2']):
        print(f"  {entry['area_m2']:>12.1f} m2  {name}")
    if 'ground_miou_fused' in report:
        print(f"against the truth: mIoU of single pictures {report['ground_miou_single']}, "
              f"fused {report['ground_miou_fused']}; position error "
              f"{report['position_error_m_p50']} m p50, {report['position_error_m_p95']} m p95 "
              f"(as told: {report['position_error_told_m_p50']}, "
              f"{report['position_error_told_m_p95']})")
    print(f'written: {out}/report.html, map.geojson, map.kml, map.tif, orthomosaic.tif, '
          'report.json')


def _settings(options: argparse.Namespace, bundle: Optional[Bundle]) -> MapSettings:
    from effvit_ros.mapping.bag_map import MapSettings
    from effvit_ros.mapping.bag_topics import PoseTopics
    from effvit_ros.mapping.pose_settings import PoseSettings
    from effvit_ros.mapping.projection import Grid
    height, value = _height(options.height)
    poses = PoseSettings(
        _mount(options), options.convention, height, value, _origin(options.origin),
        options.longest_gap, options.top_speed, options.time_offset, _frames(options.tf))
    if options.terrain and not Path(options.terrain).is_file():
        raise UserError(f'--terrain {options.terrain}: no such file')
    return MapSettings(
        bundle=bundle.sha256 if bundle else '', runtime=options.runtime,
        threads=options.threads, topic=options.topic, labels_topic=options.labels_topic,
        camera_info_topic=options.camera_info_topic, rectified=options.rectified,
        pose_topics=PoseTopics(options.fix_topic, options.imu_topic, options.pose_topic,
                               options.range_topic, options.gimbal_topic),
        poses=poses, grid=Grid(options.cell, options.widest_angle),
        terrain=options.terrain, least_area_m2=options.least_area,
        truth=options.truth, memory_mb=options.memory_mb, every=options.every, align=options.align)


def _classes(options: argparse.Namespace, bundle: Optional[Bundle]) -> ClassSet:
    """Return the :class:`~effvit_ros.core.classes.ClassSet` of the labels."""
    from effvit_ros.core.classes import ClassSet, load_classes, lpcv_classes
    if bundle is not None:
        if options.classes:
            raise UserError('--classes is for --labels-topic: a bundle has its own classes')
        return ClassSet(bundle.name, bundle.classes)
    return load_classes(options.classes) if options.classes else lpcv_classes()


def _mount(options: argparse.Namespace) -> Mount:
    from effvit_ros.mapping.mount import Mount
    if options.vehicle:
        from effvit_ros.mapping.vehicle_mount import read_mount
        return read_mount(options.vehicle)
    return Mount(kind=options.mount, tilt_deg=options.tilt, pan_deg=options.pan)


def _height(text: str) -> Tuple[str, float]:
    """Return (source, metres) of a text like auto, range, constant=30, ground_altitude=402."""
    from effvit_ros.mapping.pose_settings import CONSTANT, GROUND_ALTITUDE, HEIGHTS
    name, equals, value = text.partition('=')
    wants_value = name in (CONSTANT, GROUND_ALTITUDE)
    if name not in HEIGHTS or bool(equals) != wants_value:
        raise UserError(f"--height '{text}': give auto, range, home, pose_z, constant=METRES "
                        'above ground, or ground_altitude=METRES above the ellipsoid')
    try:
        metres = float(value) if wants_value else 0.0
    except ValueError:
        metres = math.nan
    if not math.isfinite(metres):
        raise UserError(f"--height '{text}': '{value}' is not a number of metres")
    return name, metres


def _frames(text: str) -> Tuple[str, ...]:
    """Return (the map's frame, the camera's) of a text, () of none."""
    if not text:
        return ()
    frames = tuple(text.split(':'))
    if len(frames) != 2 or not all(frames):
        raise UserError(f"--tf '{text}': give MAP_FRAME:CAMERA_FRAME, such as "
                        'map:camera_optical_frame')
    return frames


def _origin(text: str) -> Tuple[float, ...]:
    """Return (latitude, longitude) of a text, () of none."""
    if not text:
        return ()
    try:
        latitude, longitude = (float(part) for part in text.split(','))
    except ValueError:
        raise UserError(f"--origin '{text}': give LATITUDE,LONGITUDE in degrees") from None
    return latitude, longitude


def _parse(args: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='map_bag', epilog=_EPILOG,
        description='Lay the labels of a recorded flight on the ground and write the map: '
        'GeoTIFF, GeoJSON, KML, an orthomosaic and a page. docs/mapping.md.')
    parser.add_argument('bag', metavar='BAG', help='rosbag2 folder, .mcap, .db3 or ROS 1 .bag.')
    parser.add_argument('--out', default='out/map', metavar='DIR',
                        help='Write the map into this folder (default: %(default)s).')
    parser.add_argument('--bundle', default='',
                        help='Segment with this bundle: a folder or a shipped name (default: the '
                             'shipped default).')
    parser.add_argument('--runtime', default='auto', choices=('auto',) + tuple(RUNTIMES),
                        help='Execute the graph in this runtime (default: %(default)s).')
    parser.add_argument('--threads', type=cli.count, default=0,
                        help='Use so many CPU threads (default: 0, the runtime decides).')
    parser.add_argument('--topic', default='',
                        help='Take pictures from this topic (default: the only one).')
    parser.add_argument('--labels-topic', default='', metavar='TOPIC',
                        help='Take recorded label images instead of the model.')
    parser.add_argument('--classes', default='', metavar='YAML',
                        help='Read recorded labels by this class set (default: LPCV 2023).')
    parser.add_argument('--every', type=cli.count_from_one, default=1, metavar='N',
                        help='Take every N-th picture (default: %(default)s).')
    parser.add_argument('--cell', type=cli.positive, default=0.25, metavar='METRES',
                        help="Make a map's cells so wide (default: %(default)g).")
    parser.add_argument('--widest-angle', type=float, default=60.0, metavar='DEGREES',
                        help='Leave out pixels that look further from straight down '
                        '(default: %(default)g).')
    parser.add_argument('--least-area', type=cli.seconds, default=1.0, metavar='M2',
                        help='Leave out smaller polygons of classes that are no alerts (default: '
                             '%(default)g).')
    parser.add_argument('--no-align', dest='align', action='store_false',
                        help='Lay pictures where the poses say, without making them agree.')
    parser.add_argument('--truth', default='', metavar='DIR',
                        help='Score the map against this BAG_truth of render_flight.')
    parser.add_argument('--memory-mb', type=cli.count_from_one, default=256,
                        help='Keep at most so much of the tiles in memory (default: %(default)s).')
    parser.add_argument('--fresh', action='store_true', help='Do not go on with an earlier run.')
    _add_pose_options(parser.add_argument_group('poses'))
    _add_camera_options(parser.add_argument_group('camera'))
    options = parser.parse_args(args)
    if not 1 <= options.widest_angle <= 85:
        parser.error(f'--widest-angle {options.widest_angle:g}: give 1 to 85 degrees')
    if not 0.01 <= options.cell <= 100:
        parser.error(f'--cell {options.cell:g}: give 0.01 to 100 metres')
    return options


def _add_pose_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument('--fix-topic', default='',
                       help='Take positions from this topic of sensor_msgs/NavSatFix.')
    group.add_argument('--imu-topic', default='',
                       help='Take attitudes from this topic of sensor_msgs/Imu.')
    group.add_argument('--pose-topic', default='',
                       help='Take poses from this topic: PoseStamped, PoseWithCovarianceStamped '
                            'or nav_msgs/Odometry; named, its attitude wins over the Imu.')
    group.add_argument('--range-topic', default='',
                       help='Take heights from this topic of sensor_msgs/Range.')
    group.add_argument('--gimbal-topic', default='',
                       help='Take the attitude of a gimbal that turns in flight from this topic '
                       'of geometry_msgs/QuaternionStamped: --mount gimbal_body or '
                       'gimbal_world.')
    group.add_argument('--tf', default='', metavar='MAP:CAMERA',
                       help="Take the camera's attitude from tf2, as the pose of its optical "
                       'frame in the map frame (east, north, up); the position, too, if no '
                       'NavSatFix tells it (default: from messages of poses).')
    group.add_argument('--convention', choices=('enu', 'ned'), default='enu',
                       help='Read orientations in these axes: REP 103 (default), or '
                            'north-east-down.')
    group.add_argument('--height', default='auto', metavar='SOURCE',
                       help='Height above ground: auto (rangefinder, else the z of a local '
                       'pose), range, pose_z, home (the first fix lies on the ground), '
                       'constant=METRES, ground_altitude=METRES above the ellipsoid '
                       '(default: %(default)s).')
    group.add_argument('--terrain', default='', metavar='TIF',
                       help="Take the ground's elevations from this file instead of a plane; "
                            'needs a rangefinder.')
    group.add_argument('--origin', default='', metavar='LAT,LON',
                       help="Place a local pose's zero here, where no NavSatFix tells it.")
    group.add_argument('--longest-gap', type=cli.positive, default=1.0, metavar='SECONDS',
                       help='Leave out a picture whose poses lie further apart in time (default: '
                            '1).')
    group.add_argument('--top-speed', type=cli.positive, default=100.0, metavar='M/S',
                       help='Take a faster change of position for a jump (default: 100).')
    group.add_argument('--time-offset', type=float, default=0.0, metavar='SECONDS',
                       help="Add this to the pictures' stamps: negative where they are late "
                            '(default: 0).')


def _add_camera_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument('--camera-info-topic', default='',
                       help='Take camera_info from this topic (default: the one next to the '
                            'pictures).')
    group.add_argument('--rectified', action='store_true',
                       help='Take the pictures as rectified: p of camera_info, no distortion.')
    group.add_argument('--vehicle', default='', metavar='YAML',
                       help="Take the mount from this vehicle's file, section mount.")
    group.add_argument('--mount', default='fixed',
                       choices=('fixed', 'gimbal', 'gimbal_body', 'gimbal_world'),
                       help='Say how the camera is mounted. gimbal: tilt is kept against the '
                       'horizon; gimbal_body, gimbal_world: --gimbal-topic tells its attitude '
                       "against the aircraft's body, or against the world (default: %(default)s).")
    group.add_argument('--tilt', type=float, default=90.0, metavar='DEGREES',
                       help='Tilt the camera so far below the horizon; 90 (default) looks '
                            'straight down.')
    group.add_argument('--pan', type=float, default=0.0, metavar='DEGREES',
                       help='Pan the camera so far to the right of the nose (default: 0).')


if __name__ == '__main__':
    sys.exit(main())
