"""What the demo leaves behind: the report's keys, its file and its table."""
from __future__ import annotations

from typing import Any, Dict, Mapping, TYPE_CHECKING

from rich.table import Table

from effvit_ros.core.metrics import defined, per_class_table
from effvit_ros.report.facts import machine, now, versions

if TYPE_CHECKING:
    from effvit_ros.core.bundle import Bundle
    from effvit_ros.harness.outcome import Stream


def make_report(stream: Stream, bundle: Bundle, source: str, seconds: float) -> Dict[str, Any]:
    """
    Return the report, ready for JSON; what could not be measured is None.

    :param stream: :class:`~effvit_ros.harness.outcome.Stream`.
    :param seconds: length of the counted window.
    """
    report, confusion, energy = stream.figures._asdict(), stream.confusion, stream.energy
    report.update(
        miou=defined(confusion.miou), runtime=stream.runtime, model=bundle.name,
        classes_present=confusion.classes_present,
        per_class=per_class_table(confusion, bundle.names),
        power_w=energy.watts, power_source=energy.source or None,
        joules_per_frame=energy.per(stream.figures.frames_segmented, seconds),
        model_sha256=bundle.sha256, runtime_description=stream.runtime_description,
        source=source, frame_size=list(stream.frame_size), duration_s=seconds,
        versions=versions(), machine=machine(),
        date=now())
    return report


def table(report: Mapping[str, Any]) -> Table:
    """Return the report as a :class:`rich.table.Table`."""
    result = Table(title='Demo', show_header=False, title_justify='left')
    result.add_column('what')
    result.add_column('value', justify='right')
    dropped = report['frames_published'] and report['frames_dropped'] / report['frames_published']
    rows = [
        ('model', report['model']),
        ('runtime', report['runtime_description']),
        ('source', f"{report['source']}, {'x'.join(map(str, report['frame_size']))}"),
        ('rate', f"{report['fps']:.1f} FPS"),
        ('age of a label map, p50', f"{report['latency_p50_ms']:.0f} ms"),
        ('age of a label map, p95', f"{report['latency_p95_ms']:.0f} ms"),
        ('frames published', str(report['frames_published'])),
        ('frames segmented', str(report['frames_segmented'])),
        ('frames dropped for newer ones', f"{report['frames_dropped']} ({dropped:.0%})"),
        ('mIoU against truth', 'no truth' if report['miou'] is None else
         f"{report['miou']:.3f} ({report['classes_present']} classes)"),
    ]
    if report['joules_per_frame'] is not None:
        rows.append((f"energy of a frame ({report['power_source']})",
                     f"{report['joules_per_frame']:.2f} J at {report['power_w']:.1f} W"))
    for row in rows:
        result.add_row(*row)
    return result
