"""The command behind ``make bench``: parse, measure, print, write."""
from __future__ import annotations

import argparse
import os
import signal
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import cv2
from rich.console import Console
from rich.table import Table

from effvit_ros.bench.offline import bench_core, bench_runtimes
from effvit_ros.core.bundle import load_bundle, resolve_model
from effvit_ros.core.errors import reports_user_errors
from effvit_ros.core.runtimes import RUNTIMES
from effvit_ros.demo.processes import free_domain_id, node_environment

SIZES = ((512, 512), (640, 480), (1280, 720), (1920, 1080))
#: The camera's rate for throughput, Hz; more than the node takes, as on a drone.
FULL_RATE_HZ = 30.0
#: The camera's rate for the overhead, Hz: every frame finds the node idle.
CALM_RATE_HZ = 5.0
#: What the project promises of the shipped model.
TARGETS = (
    ('512x512, end to end, labels and overlay subscribed', 'fps', 'at least', 10.0),
    ('512x512, p95 age of a label map', 'age_p95_ms', 'at most', 250.0),
    ("1280x720, the node's overhead over bare inference", 'overhead_ms', 'at most', 15.0),
)


@reports_user_errors
def main(args=None):
    """Measure and return 0."""
    options = _parse(args)
    model = resolve_model(options.model)
    bundle = load_bundle(model)
    signal.signal(signal.SIGTERM, _interrupt)
    os.environ.update(node_environment(free_domain_id()))
    from effvit_ros.bench.online import bench_node
    from effvit_ros.demo.progress import Progress
    from effvit_ros.demo.report import machine, versions, write_json
    console = Console()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    with Progress(console) as progress, tempfile.TemporaryDirectory() as pictures:
        progress.say('bare runtimes', now=True)
        runtimes = bench_runtimes(bundle, options.threads, options.seconds, 1 / CALM_RATE_HZ)
        chosen = next((r for r in runtimes if r.name == options.runtime), runtimes[0])
        progress.say(f'the core on {chosen.name}', now=True)
        core = bench_core(bundle, chosen.name, options.threads, options.sizes,
                          options.seconds / 2)
        progress.say('rendering pictures for the camera', now=True)
        _render(Path(pictures))
        segmenter = {'model': str(model.resolve()), 'runtime': chosen.name,
                     'threads': options.threads}
        node = []
        for size in options.sizes:
            runs = []
            for rate_hz in (FULL_RATE_HZ, CALM_RATE_HZ):
                progress.say(f'the node, {size[0]}x{size[1]} at {rate_hz:g} Hz', now=True)
                runs.append(bench_node(pictures, size, rate_hz, segmenter, len(bundle.classes),
                                       options.seconds, out))
            node.append(_node_row(*runs, chosen))
    report = {
        'model': bundle.name, 'model_sha256': bundle.sha256,
        'runtime': chosen.name, 'threads': options.threads,
        'runtimes': [_plain(r) for r in runtimes], 'core': [_plain(c) for c in core],
        'node': node, 'targets': check_targets(node), 'machine': machine(),
        'versions': versions(),
        'date': datetime.now(timezone.utc).isoformat(timespec='seconds')}
    write_json(report, out / 'report.json')
    for table in tables(report):
        console.print(table)
    for target in report['targets']:
        console.print(target_line(target), highlight=False)
    console.print(f"written: {out / 'report.json'}", highlight=False, soft_wrap=True)
    return 0


def check_targets(node):
    """Return the :data:`TARGETS` whose resolution was measured, with value and verdict."""
    checked = []
    for what, key, bound, limit in TARGETS:
        size = what.split(',')[0]
        for row in node:
            if row['size'] == size:
                value = row[key]
                met = value >= limit if bound == 'at least' else value <= limit
                checked.append({'what': what, 'value': value, 'bound': bound, 'limit': limit,
                                'met': met})
    return checked


def target_line(target):
    """Return one target as a line of text."""
    verdict = 'met' if target['met'] else 'MISSED'
    return (f"{target['what']}: {target['value']:.1f} "
            f"({target['bound']} {target['limit']:g}: {verdict})")


def tables(report):
    """Return the report as tables; all times in milliseconds, medians unless p95."""
    runtimes = Table(title='Bare runtime, ms', title_justify='left')
    for head in ('runtime', 'p50', 'p95', f'p50 at {CALM_RATE_HZ:g} Hz'):
        runtimes.add_column(head, justify='left' if head == 'runtime' else 'right')
    for row in report['runtimes']:
        runtimes.add_row(row['description'], _ms(row['times']['p50_ms']),
                         _ms(row['times']['p95_ms']), _ms(row['paced']['p50_ms']))
    steps = ('prepare', 'infer', 'restore', 'total', 'overlay')
    core = Table(title=f"Core on {report['runtime']}, p50 ms", title_justify='left')
    core.add_column('picture')
    for step in steps:
        core.add_column(step, justify='right')
    for row in report['core']:
        core.add_row(f"{row['width']}x{row['height']}",
                     *(_ms(row[step]['p50_ms']) for step in steps))
    node = Table(
        title='Node over DDS, labels and overlay subscribed, ms', title_justify='left',
        caption=f'Camera at {FULL_RATE_HZ:g} Hz: FPS, age of a label map (p50, p95), CPU of the '
        f'node and of the camera. At {CALM_RATE_HZ:g} Hz: age, and what the node adds to the bare '
        'runtime.', caption_justify='left')
    node.add_column('picture')
    for head in ('FPS', 'p50', 'p95', 'CPU', 'camera', 'calm p50', 'overhead'):
        node.add_column(head, justify='right')
    for row in report['node']:
        node.add_row(row['size'], f"{row['fps']:.1f}", _ms(row['age_p50_ms']),
                     _ms(row['age_p95_ms']), f"{row['segmenter_cpu']:.0%}",
                     f"{row['camera_cpu']:.0%}", _ms(row['calm_age_p50_ms']),
                     _ms(row['overhead_ms']))
    return runtimes, core, node


def _node_row(full, calm, runtime):
    """
    Join the two runs at one resolution.

    The overhead is what the node adds to bare inference at the same calm rate: from a frame's
    arrival to its last result (labels and overlay), less the runtime alone.
    """
    return {
        'size': f'{full.width}x{full.height}', 'fps': full.stream.fps,
        'age_p50_ms': full.stream.latency_p50_ms, 'age_p95_ms': full.stream.latency_p95_ms,
        'frames_published': full.stream.frames_published,
        'frames_dropped': full.stream.frames_dropped,
        'segmenter_cpu': full.segmenter_cpu, 'camera_cpu': full.camera_cpu,
        'calm_age_p50_ms': calm.stream.latency_p50_ms,
        'calm_latency_p50_ms': calm.latency_p50_ms,
        'overhead_ms': calm.latency_p50_ms - runtime.paced.p50_ms,
    }


def _render(folder):
    """Write the pictures that the camera repeats: a stretch of the simulated flight."""
    from effvit_ros.bench.online import PICTURES
    from effvit_ros.flight import Flight
    flight = Flight(width=960, height=720, rate_hz=2.0, scene_size=2048)
    for index in range(PICTURES):
        cv2.imwrite(str(folder / f'{index:02d}.jpg'), flight.frame(index).image)


def _plain(figures):
    return {key: value._asdict() if hasattr(value, '_asdict') else value
            for key, value in figures._asdict().items()}


def _ms(value):
    return f'{value:.1f}'


def _parse(args):
    parser = argparse.ArgumentParser(
        prog='python -m effvit_ros.bench',
        description='Time bare runtimes, the core and the node, side by side.')
    parser.add_argument('--model', default='', help='bundle folder or name (default: shipped)')
    parser.add_argument('--runtime', default='', choices=tuple(RUNTIMES),
                        help='for core and node (default: the first that is installed)')
    parser.add_argument('--threads', type=int, default=0,
                        help='CPU threads for inference (default: all)')
    parser.add_argument('--seconds', type=float, default=8.0,
                        help='length of each measurement (default: %(default)g)')
    parser.add_argument('--sizes', type=_sizes, default=SIZES, metavar='WxH,...',
                        help='picture sizes (default: 512x512,640x480,1280x720,1920x1080)')
    parser.add_argument('--out', default='out/bench', help='(default: %(default)s)')
    return parser.parse_args(args)


def _sizes(text):
    try:
        return [tuple(int(side) for side in size.split('x', 1)) for size in text.split(',')]
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text}: give sizes like 640x480,1280x720')


def _interrupt(_number, _frame):
    raise KeyboardInterrupt
