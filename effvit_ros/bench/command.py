"""The command behind ``make bench``: parse, measure, print, write."""
from __future__ import annotations

import argparse
import os
import signal
import tempfile
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Tuple, TYPE_CHECKING

import cv2

from effvit_ros.bench.offline import bench_core, bench_runtimes
from effvit_ros.bench.report import (
    check_targets,
    node_row,
    overhead_row,
    plain,
    tables,
    target_line,
)
from effvit_ros.bench.tail import bench_tail, tail_lines, tail_row
from effvit_ros.core import cli
from effvit_ros.core.bundle import load_bundle, resolve_model
from effvit_ros.core.errors import reports_user_errors
from effvit_ros.core.picture_files import picture_files
from effvit_ros.core.runtimes import open_runtime, RUNTIMES
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.core.whole_file import write_json
from effvit_ros.harness.processes import free_domain_id, node_environment
from effvit_ros.report.facts import machine, now, versions

if TYPE_CHECKING:
    from effvit_ros.bench.online import NodeFigures
    from effvit_ros.core.bundle import Bundle
    from effvit_ros.report.progress import Status

SIZES = ((512, 512), (640, 480), (1280, 720), (1920, 1080))
#: The camera's rate for throughput, Hz; more than the node takes, as on a drone.
FULL_RATE_HZ = 30.0
#: The camera's rate for the overhead, Hz: every frame finds the node idle.
CALM_RATE_HZ = 5.0
#: Size of the pictures for the comparison with the bare runtime.
OVERHEAD_SIZE = (640, 480)


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """Measure and return 0."""
    options = _parse(args)
    if options.tail:
        return _bench_tail(options)
    from rich.console import Console
    model = resolve_model(options.model)
    bundle = load_bundle(model)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.environ.update(node_environment(free_domain_id()))
    from effvit_ros.report.progress import Status
    runtime, _ = open_runtime(bundle, options.runtime, options.threads)
    name = runtime.name
    runtime.close()
    console = Console()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    with Status(console) as progress:
        report = _measure(options, model, bundle, name, out, progress)
    report.update(
        model=bundle.name, model_sha256=bundle.sha256, runtime=name, threads=options.threads,
        targets=check_targets(report['node'], report['overhead']), machine=machine(),
        versions=versions(), date=now())
    write_json(out / 'report.json', report)
    for table in tables(report):
        console.print(table)
    for target in report['targets']:
        console.print(target_line(target), highlight=False)
    console.print(f"written: {out / 'report.json'}", highlight=False, soft_wrap=True)
    return 0


def _measure(options: argparse.Namespace, model: Path, bundle: Bundle, runtime: str, out: Path,
             progress: Status) -> Dict[str, Any]:
    """Return the measured part of the report."""
    from effvit_ros.bench.online import bench_node
    from effvit_ros.bench.overhead import bench_overhead
    segmenter = {'model': str(model.resolve()), 'runtime': runtime, 'threads': options.threads}
    progress.say('bare runtimes', now=True)
    runtimes = bench_runtimes(bundle, options.threads, options.seconds)
    progress.say(f'the core on {runtime}', now=True)
    core = bench_core(bundle, runtime, options.threads, options.sizes, options.seconds / 2)

    def run_node(size: Tuple[int, int], rate_hz: float) -> NodeFigures:
        progress.say(f'the node, {size[0]}x{size[1]} at {rate_hz:g} Hz', now=True)
        return bench_node(pictures, size, rate_hz, segmenter, len(bundle.classes),
                          options.seconds, out)

    node = []
    with tempfile.TemporaryDirectory() as pictures:
        progress.say('rendering pictures for the camera', now=True)
        _render(Path(pictures))
        for size in options.sizes:
            node.append(node_row(run_node(size, FULL_RATE_HZ), run_node(size, CALM_RATE_HZ)))
        progress.say(f'the node and the bare runtime at {CALM_RATE_HZ:g} Hz', now=True)
        overhead = bench_overhead(pictures, OVERHEAD_SIZE, CALM_RATE_HZ, segmenter,
                                  2 * options.seconds, out)
    return {'runtimes': [plain(r) for r in runtimes], 'core': [plain(c) for c in core],
            'node': node, 'overhead': overhead_row(overhead),
            'full_rate_hz': FULL_RATE_HZ, 'calm_rate_hz': CALM_RATE_HZ}


def _bench_tail(options: argparse.Namespace) -> int:
    """Hold the tail against the plain computation on folders of pictures; return 0."""
    from effvit_ros.report.progress import steps
    files = [file for folder in options.tail for file in picture_files(folder)]
    bundle = load_bundle(resolve_model(options.model))
    with Segmenter(bundle, options.runtime, options.threads) as segmenter, \
            steps('label', len(files)) as advance:
        row = tail_row(bench_tail(segmenter, files, advance))
    print('\n'.join(tail_lines(row)))
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / 'tail.json', {'tail': row, 'model': bundle.name, 'machine': machine(),
                                   'versions': versions(), 'date': now()})
    print(f"written: {out / 'tail.json'}")
    return 0


def _render(folder: Path) -> None:
    """Write the pictures that the camera repeats: a stretch of the simulated flight."""
    from effvit_ros.bench.online import PICTURES
    from effvit_ros.flight import Flight
    flight = Flight(width=960, height=720, rate_hz=2.0, scene_size=2048)
    for index in range(PICTURES):
        cv2.imwrite(str(folder / f'{index:02d}.jpg'), flight.frame(index).image)


def _parse(args: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m effvit_ros.bench',
        description='Time bare runtimes, the core and the node, side by side.')
    parser.add_argument('--model', default='',
                        help="Fly this bundle: a folder, or a shipped one's name (default: the "
                             'shipped default).')
    parser.add_argument('--runtime', default='auto', choices=('auto',) + tuple(RUNTIMES),
                        help='Run core and node on this runtime (default: %(default)s).')
    parser.add_argument('--threads', type=int, default=0,
                        help='Use so many CPU threads for inference (default: all).')
    parser.add_argument('--seconds', type=float, default=8.0,
                        help='Measure each for so long (default: %(default)g).')
    parser.add_argument('--sizes', type=cli.sizes, default=SIZES, metavar='WxH,...',
                        help='Let pictures have these sizes (default: '
                             '512x512,640x480,1280x720,1920x1080).')
    parser.add_argument('--tail', nargs='+', default=[], metavar='DIR',
                        help='Instead of all else, hold the labels of the pictures in these '
                             'folders against plain interpolation and argmax (default: none).')
    parser.add_argument('--out', default='out/bench',
                        help='Write the report into this folder (default: %(default)s).')
    return parser.parse_args(args)
