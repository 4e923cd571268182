"""What the benchmark leaves behind: rows, targets and tables."""
from __future__ import annotations

from rich.table import Table

#: What the project promises of the shipped model.
TARGETS = (
    ('512x512, end to end, labels and overlay subscribed', 'fps', 'at least', 10.0),
    ('512x512, p95 age of a label map', 'age_p95_ms', 'at most', 250.0),
    ("1280x720, the node's overhead over inference", 'overhead_ms', 'at most', 15.0),
)


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
    for head in ('FPS', 'p50', 'p95', 'CPU', 'camera', 'calm p50', 'infer', 'overhead'):
        node.add_column(head, justify='right')
    for row in report['node']:
        node.add_row(row['size'], f"{row['fps']:.1f}", _ms(row['age_p50_ms']),
                     _ms(row['age_p95_ms']), f"{row['segmenter_cpu']:.0%}",
                     f"{row['camera_cpu']:.0%}", _ms(row['calm_age_p50_ms']),
                     _ms(row['calm_inference_p50_ms']), _ms(row['overhead_ms']))
    return runtimes, core, node


def node_row(full, calm):
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
    }


def plain(figures):
    """Return a named tuple as dictionaries, ready for JSON."""
    return {key: value._asdict() if hasattr(value, '_asdict') else value
            for key, value in figures._asdict().items()}


def _ms(value):
    return f'{value:.1f}'
