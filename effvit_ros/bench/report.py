"""What the benchmark leaves behind: rows, targets and tables."""
from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from effvit_ros.bench.online import NodeFigures
    from effvit_ros.bench.overhead import Overhead

#: What the project promises of the shipped model.
TARGETS = (
    ('512x512, end to end, labels and overlay subscribed', 'fps', 'at least', 10.0),
    ('512x512, p95 age of a label map', 'age_p95_ms', 'at most', 250.0),
    ("1280x720, the node's overhead over inference", 'overhead_ms', 'at most', 15.0),
)

#: What the node may add to a process that only runs the runtime.
OVERHEAD_TARGETS = (
    ('CPU time that the node adds to the bare runtime, %', 'cpu_added_percent', 15.0),
    ('memory that the node adds to the bare runtime, MB', 'rss_added_mb', 110.0),
)


def check_targets(node: Sequence[Mapping[str, Any]],
                  overhead: Optional[Mapping[str, Any]] = None) -> List[Dict[str, Any]]:
    """
    Return the targets that were measured, each with value and verdict.

    :param node: rows of :func:`node_row`, for :data:`TARGETS`.
    :param overhead: :func:`overhead_row`, for :data:`OVERHEAD_TARGETS`.
    """
    rows = {row['size']: row for row in node}
    checked = [_checked(what, rows[what.split(',')[0]][key], bound, limit)
               for what, key, bound, limit in TARGETS if what.split(',')[0] in rows]
    if overhead:
        checked += [_checked(what, overhead[key], 'at most', limit)
                    for what, key, limit in OVERHEAD_TARGETS]
    return checked


def _checked(what: str, value: float, bound: str, limit: float) -> Dict[str, Any]:
    met = value >= limit if bound == 'at least' else value <= limit
    return {'what': what, 'value': value, 'bound': bound, 'limit': limit, 'met': met}


def target_line(target: Mapping[str, Any]) -> str:
    """Return one target as a line of text."""
    verdict = 'met' if target['met'] else 'MISSED'
    return (f"{target['what']}: {target['value']:.1f} "
            f"({target['bound']} {target['limit']:g}: {verdict})")


def tables(report: Mapping[str, Any]) -> Tuple[Table, ...]:
    """Return the report as tables; all times in milliseconds, medians unless p95."""
    from rich.table import Table
    runtimes = Table(title='Bare runtime, ms', title_justify='left')
    for head in ('runtime', 'p50', 'p95'):
        runtimes.add_column(head, justify='left' if head == 'runtime' else 'right')
    for row in report['runtimes']:
        runtimes.add_row(row['description'], _ms(row['times']['p50_ms']),
                         _ms(row['times']['p95_ms']))
    steps = ('prepare', 'infer', 'restore', 'total', 'overlay')
    core = Table(title=f"Core on {report['runtime']}, p50 ms", title_justify='left')
    core.add_column('picture')
    for step in steps:
        core.add_column(step, justify='right')
    for row in report['core']:
        core.add_row(f"{row['width']}x{row['height']}",
                     *(_ms(row[step]['p50_ms']) for step in steps))
    full, calm = report['full_rate_hz'], report['calm_rate_hz']
    node = Table(
        title='Node over DDS, labels and overlay subscribed, ms', title_justify='left',
        caption=f'Camera at {full:g} Hz: FPS, age of a label map (p50, p95), CPU of the node and '
        f'of the camera. At {calm:g} Hz: age, what inference takes of it in the node, and the '
        "node's overhead: the rest of the time from a frame's arrival to its last result.",
        caption_justify='left')
    node.add_column('picture')
    energy = any(row.get('joules_per_frame') is not None for row in report['node'])
    heads = ['FPS', 'p50', 'p95', 'CPU', 'camera', 'calm p50', 'infer', 'overhead']
    for head in heads + ['J/frame'] * energy:
        node.add_column(head, justify='right')
    for row in report['node']:
        node.add_row(row['size'], f"{row['fps']:.1f}", _ms(row['age_p50_ms']),
                     _ms(row['age_p95_ms']), f"{row['segmenter_cpu']:.0%}",
                     f"{row['camera_cpu']:.0%}", _ms(row['calm_age_p50_ms']),
                     _ms(row['calm_inference_p50_ms']), _ms(row['overhead_ms']),
                     *[_joules(row)] * energy)
    return runtimes, core, node, _overhead_table(report['overhead'])


def _joules(row: Mapping[str, Any]) -> str:
    found = row.get('joules_per_frame')
    return '-' if found is None else f'{found:.2f}'


def node_row(full: NodeFigures, calm: NodeFigures) -> Dict[str, Any]:
    """
    Join the two runs at one resolution.

    The overhead is what the node adds to inference at the calm rate: of the time from a frame's
    arrival to its last result (labels and overlay), all but the runtime's own.
    """
    return {
        'size': f'{full.width}x{full.height}', 'fps': full.stream.fps,
        'age_p50_ms': full.stream.latency_p50_ms, 'age_p95_ms': full.stream.latency_p95_ms,
        'frames_published': full.stream.frames_published,
        'frames_dropped': full.stream.frames_dropped,
        'segmenter_cpu': full.segmenter_cpu, 'camera_cpu': full.camera_cpu,
        'calm_age_p50_ms': calm.stream.latency_p50_ms,
        'calm_inference_p50_ms': calm.inference_p50_ms,
        'overhead_ms': calm.overhead_p50_ms,
        'joules_per_frame': full.joules_per_frame,
    }


def overhead_row(overhead: Overhead) -> Dict[str, Any]:
    """Return an :class:`~effvit_ros.bench.overhead.Overhead` with what the node adds."""
    bare, node = overhead.bare, overhead.node
    return {
        'size': f'{overhead.width}x{overhead.height}', 'rate_hz': overhead.rate_hz,
        'bare': bare._asdict(), 'node': node._asdict(),
        'cpu_added_percent': 100 * (node.cpu_ms / bare.cpu_ms - 1),
        'rss_added_mb': node.rss_mb - bare.rss_mb,
    }


def plain(figures: NamedTuple) -> Dict[str, Any]:
    """Return a named tuple as dictionaries, ready for JSON."""
    return {key: value._asdict() if hasattr(value, '_asdict') else value
            for key, value in figures._asdict().items()}


def _overhead_table(row: Mapping[str, Any]) -> Table:
    from rich.table import Table
    table = Table(
        title='CPU and memory of the node, compared with the bare runtime', title_justify='left',
        caption=f"{row['size']} at {row['rate_hz']:g} Hz, labels subscribed; both processes "
        'are otherwise idle.', caption_justify='left')
    table.add_column('process')
    for head in ('CPU ms a frame', 'RSS MB'):
        table.add_column(head, justify='right')
    for name in ('bare', 'node'):
        table.add_row(name, _ms(row[name]['cpu_ms']), f"{row[name]['rss_mb']:.0f}")
    table.add_row('added', f"{row['cpu_added_percent']:+.1f} %", f"{row['rss_added_mb']:+.0f}")
    return table


def _ms(value: float) -> str:
    return f'{value:.1f}'
