"""The command ``effvit_demo``: parse, run the stream, print, write."""
from __future__ import annotations

import argparse
import contextlib
import os
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, TYPE_CHECKING

import cv2
import numpy as np

from effvit_ros.core import cli
from effvit_ros.core.bundle import load_bundle, resolve_model
from effvit_ros.core.errors import reports_user_errors, UserError
from effvit_ros.core.overlay import Overlay
from effvit_ros.core.runtimes import RUNTIMES
from effvit_ros.core.whole_file import write_bytes, write_json
from effvit_ros.harness.processes import free_domain_id, node_environment

if TYPE_CHECKING:
    from rich.console import Console

    from effvit_ros.core.bundle import Bundle
    from effvit_ros.harness.outcome import Snapshot, Stream

#: Source -> (the camera's parameter ``source``, what ``--path`` names, the camera's rate in Hz).
#: 0 is the source's own rate. A flight at 30 Hz is more than most machines segment: the node
#: then takes the newest frame, as on a drone. Single pictures have no rate; 10 Hz shows them all.
SOURCES = {
    'flight': ('flight', None, 30.0),
    'folder': ('folder', 'folder of pictures (make: DIR=)', 10.0),
    'file': ('video', 'video file (make: FILE=)', 0.0),
    'device': ('device', 'device such as /dev/video0', 0.0),
}


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """Segment a stream for a while; the exit code is 0 when label maps came."""
    options = _parse(args)
    from rich.console import Console
    camera = _camera_parameters(options)
    model = resolve_model(options.model)
    bundle = load_bundle(model)
    if not options.no_ros and find_spec('rclpy') is None:
        raise UserError('ROS 2 is not here (no rclpy): source its setup file, or look without '
                        'it: effvit_demo --no-ros')
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from effvit_ros.demo.report import make_report, table
    console = Console()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    segmenter = {'model': str(model.resolve()), 'runtime': options.runtime,
                 'threads': options.threads}
    watch = _watch_pipes if options.no_ros else _watch_nodes
    comparable = options.source != 'flight' or bundle.class_set.is_lpcv
    if not comparable:
        console.print(f"the flight's truth is of LPCV's classes, {bundle.name} tells others "
                      'apart: no scores')
    stream = watch(options, camera, segmenter, bundle, out, console, comparable)
    source = f'{options.source} {options.path}'.strip()
    if options.no_ros:
        source += ' (without ROS)'
    report = make_report(stream, bundle, source, options.duration)
    write_json(out / 'report.json', report)
    written = f"{out / 'report.json'}"
    if stream.moments:
        _write_sheet(out / 'overlay.png', stream.moments, bundle, report)
        written += f" and {out / 'overlay.png'}"
    console.print(table(report))
    console.print(f'written: {written}', highlight=False, soft_wrap=True)
    return 0


def _watch_nodes(options: argparse.Namespace, camera: Mapping[str, Any],
                 segmenter: Mapping[str, Any], bundle: Bundle, out: Path, console: Console,
                 truth: bool) -> Stream:
    # This process is the third on the network, so it needs the nodes' environment as well.
    os.environ.update(node_environment(options.domain or free_domain_id()))
    from effvit_ros.demo.page import page
    from effvit_ros.harness.stream import watch_stream
    with page(options.view, out, console) if options.view else contextlib.nullcontext():
        return watch_stream(camera, segmenter, len(bundle.classes), options.duration,
                            options.moments, out, console, truth)


def _watch_pipes(options: argparse.Namespace, camera: Mapping[str, Any],
                 segmenter: Mapping[str, Any], bundle: Bundle, _out: Path, console: Console,
                 truth: bool) -> Stream:
    from effvit_ros.demo.page import page_without_ros
    from effvit_ros.demo.without_ros import watch_stream
    shown = (page_without_ros(options.view, bundle, console) if options.view
             else contextlib.nullcontext())
    with shown as page:
        return watch_stream(camera, segmenter, bundle, options.duration, options.moments,
                            console, truth, page)


def _parse(args: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='effvit_demo', description='Segment a camera stream with a real node over real DDS '
        'and write a report and a contact sheet.')
    parser.add_argument('--source', choices=SOURCES, default='flight',
                        help='Take frames from here (default: %(default)s, simulated).')
    parser.add_argument('--path', default='', help='Read this folder, file or device.')
    parser.add_argument('--labels', default='', metavar='DIR',
                        help="Take a folder's truth from here (default: looked for next to it).")
    parser.add_argument('--model', default='',
                        help="Fly this bundle: a folder, or a shipped one's name (default: the "
                             'shipped default).')
    parser.add_argument('--runtime', default='auto', choices=('auto',) + tuple(RUNTIMES),
                        help='Execute the graph in this runtime (default: %(default)s).')
    parser.add_argument('--threads', type=int, default=0,
                        help='Use so many CPU threads for inference (default: all).')
    parser.add_argument('--duration', type=cli.positive, default=20.0, metavar='SECONDS',
                        help='Count the stream for so long (default: %(default)g).')
    parser.add_argument('--rate', type=cli.positive, metavar='HZ',
                        help='Let the camera run at this rate (default: 30 flight, 10 folder, '
                             'else its own).')
    parser.add_argument('--size', type=cli.size, default=(0, 0), metavar='WxH',
                        help="Let pictures have this size (default: the source's own; flight: "
                             '640x480).')
    parser.add_argument('--seed', type=int, default=0,
                        help="Fly over the scene of this number (default: %(default)s).")
    parser.add_argument('--moments', type=int, default=4,
                        help='Show so many moments on the contact sheet (default: %(default)s).')
    parser.add_argument('--view', nargs='?', const='127.0.0.1', default='', metavar='ADDRESS',
                        help='Serve a page that shows the stream in a browser, on this machine '
                        'or at an ADDRESS: 0.0.0.0 shows it to those who have the token.')
    parser.add_argument('--no-ros', action='store_true',
                        help='Run camera and segmenter as plain processes, without ROS and DDS.')
    parser.add_argument('--domain', type=int, metavar='ID',
                        help='Use this ROS_DOMAIN_ID (default: one that is free).')
    parser.add_argument('--out', default='out/demo',
                        help='Write the report into this folder (default: %(default)s).')
    return parser.parse_args(args)


def _camera_parameters(options: argparse.Namespace) -> Dict[str, Any]:
    kind, meaning, rate_hz = SOURCES[options.source]
    if meaning and not options.path:
        raise UserError(f'--source {options.source} needs --path: name the {meaning}')
    path = str(Path(options.path).resolve()) if options.path else ''
    labels = options.labels
    if labels not in ('', 'none'):
        labels = str(Path(labels).resolve())
    width, height = options.size
    return {'source': kind, 'path': path, 'labels_path': labels, 'width': width,
            'height': height, 'seed': options.seed, 'loop': True,
            'rate_hz': float(options.rate or rate_hz)}


def _write_sheet(path: Path, moments: Sequence[Snapshot], bundle: Bundle,
                 report: Mapping[str, Any]) -> None:
    from effvit_ros.report.contact_sheet import classes_in, contact_sheet, Row
    size = 'x'.join(map(str, report['frame_size']))
    score = '' if report['miou'] is None else f", mIoU {report['miou']:.3f}"
    subtitle = (f"{report['source']} {size}: {report['fps']:.1f} FPS, age of a label map p50 "
                f"{report['latency_p50_ms']:.0f} ms, p95 {report['latency_p95_ms']:.0f} ms{score}")
    overlay = Overlay(bundle.names, bundle.palette)
    rows = [Row(f't = {moment.seconds:.1f} s', _pictures(moment, overlay)) for moment in moments]
    ids = classes_in([m.truth for m in moments] + [m.labels for m in moments])
    sheet = contact_sheet(rows, bundle.names, bundle.palette, ids,
                          f"{bundle.name} on {report['runtime_description']}", subtitle,
                          tile_width=400)
    write_bytes(path, cv2.imencode('.png', sheet)[1].tobytes())


def _pictures(moment: Snapshot, overlay: Overlay) -> List[Tuple[str, np.ndarray]]:
    """Return the named pictures of a moment's row, the truth's where there is one."""
    pictures = [('picture', moment.picture)]
    if moment.truth is not None:
        pictures.append(('truth', overlay.colorize(moment.truth)))
    return pictures + [('prediction', overlay.colorize(moment.labels)),
                       ('overlay', moment.overlay)]
