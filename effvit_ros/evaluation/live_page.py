"""The page of a live evaluation: what a robot got, and how fast it can get."""
from __future__ import annotations

from typing import Any, Dict, Sequence

import numpy as np

from effvit_ros.evaluation import plots
from effvit_ros.evaluation.offline_page import identity_rows, problem_tables
from effvit_ros.report.page import Figure, milliseconds, Page, percent, Table


def live_page(report: Dict[str, Any], ages_ms: Sequence[float]) -> Page:
    """
    Return the :class:`~effvit_ros.report.page.Page`.

    :param ages_ms: the age of each result of the playing at the asked rate.
    """
    live = report['live']
    headline = [
        ('frames in', str(live['frames_in'])), ('segmented', str(live['segmented'])),
        ('dropped', percent(live['drop_share'])),
        ('age of results, median', f"{milliseconds(live['age_ms']['p50'])} ms"),
        ('age, p95', f"{milliseconds(live['age_ms']['p95'])} ms"),
        ('CPU of the node', f"{live['cpu_percent']:.0f} %"),
        ('memory of the node', f"{live['memory_mb']:.0f} MB")]
    items = problem_tables(report)
    if report['peak'] is not None:
        peak = report['peak']['hz']
        headline.append(('peak rate', '-' if peak is None else f'{peak:.1f} Hz'))
    items.append(_trials(report))
    if len(ages_ms):
        items.append(Figure('Age of results', plots.histogram(
            np.asarray(ages_ms), 'ms from the sending of a picture to the arrival of its labels')))
    items.append(Table('Identity', ('what', 'value'), identity_rows(report)))
    return Page(f"{report['bundle']['name']} live on {report['bag']['name']}", headline, items)


def _trials(report: Dict[str, Any]) -> Table:
    trials = [report['live']] + (report['peak']['trials'] if report['peak'] else [])
    rows = [(f"{t['rate']:.2f}", f"{t['in_hz']:.1f}", f"{t['segmented_hz']:.1f}",
             str(t['frames_in']), str(t['segmented']), str(t['dropped']),
             percent(t['drop_share']), milliseconds(t['age_ms']['p50']),
             milliseconds(t['age_ms']['p95']), milliseconds(t['age_ms']['p99']),
             f"{t['cpu_percent']:.0f}", f"{t['memory_mb']:.0f}") for t in trials]
    return Table(
        'Playings', ('rate', 'in, Hz', 'segmented, Hz', 'in', 'segmented', 'dropped', 'drops',
                     'age p50, ms', 'p95', 'p99', 'CPU, %', 'memory, MB'),
        rows, tuple(range(12)),
        f"Recorded at {report['recorded_hz']:.1f} Hz; rate 1 is as recorded. The first row is "
        'the playing that was asked for, the others searched for the peak: the highest rate '
        'with less than 5 % drops. CPU: 100 % is one core.')
