"""The soak's report for readers."""
from __future__ import annotations

from typing import Any, List, Mapping, Sequence, TYPE_CHECKING

from effvit_ros.report.page import Figure, Item, Page, Table

if TYPE_CHECKING:
    from effvit_ros.soak.figures import LimitCheck

PLOT = 'soak.png'
_SHOWN = (
    ('duration', 'duration_s', '.0f', ' s'), ('label maps', 'frames_segmented', 'd', ''),
    ('label maps a second', 'labels_hz', '.1f', ''), ('longest gap', 'longest_gap_s', '.2f', ' s'),
    ("the segmenter's RSS at the end", 'rss_last_mb', '.0f', ' MB'),
    ('... growth of its shared part', 'shared_growth_mb', '.2f', ' MB'),
    ('... growth of its threads', 'thread_growth', 'd', ''),
    ('its CPU time by wall time', 'segmenter_cpu', '.0%', ''),
    ("growth of the camera's RSS", 'camera_rss_growth_mb', '.2f', ' MB'),
    ("growth of the camera's open files", 'camera_fd_growth', 'd', ''),
    ('power of the machine', 'power_w', '.1f', ' W'),
    ('energy of a label map', 'joules_per_frame', '.2f', ' J'),
    ('warnings on /diagnostics', 'warnings', 'd', ''),
)


def soak_page(report: Mapping[str, Any], verdicts: Sequence[LimitCheck], plot: bytes) -> Page:
    """
    Return the :class:`~effvit_ros.report.page.Page` of a report.

    :param plot: PNG bytes.
    """
    missed = sum(not verdict.met for verdict in verdicts)
    result = 'met' if not missed else f'{missed} of {len(verdicts)} limits missed'
    if not report['finished']:
        result += ', not finished'
    headline = [('result', result), ('model', report['model']),
                ('runtime', report['runtime_description'] or '-'),
                ('machine', f"{report['machine']['cpu']}, {report['machine']['threads']} threads"),
                ('date', report['date']), ('command', report['command'])]
    windows = (f"Compared are {report['window_s']:g} s after {report['warm_up_s']:g} s of "
               f"warm-up and the last {report['window_s']:g} s.")
    limits = Table('Limits', ('what', 'measured', 'limit', 'verdict'), [
        (v.what, v.value, v.limit, 'met' if v.met else 'MISSED') for v in verdicts],
        numbers=(1,), note=windows, warns=bool(missed))
    rest = Table('Figures', ('what', 'value'), [
        (what, '-' if report[key] is None else format(report[key], form) + unit)
        for what, key, form, unit in _SHOWN if key in report], numbers=(1,),
        note=f"Power by {report['power_source']}." if 'power_source' in report else '')
    versions = Table('Versions', ('package', 'version'), list(report['versions'].items()))
    items: List[Item] = [limits, Figure('Course', plot, file=PLOT), rest, versions]
    if report['last_error']:
        items.insert(1, Table('Errors', ('kind', 'count'), [
            (kind, str(count)) for kind, count in report['errors_by_kind'].items()],
            numbers=(1,), note=f"The last one: {report['last_error']}", warns=True))
    return Page('Soak', headline, items)
