"""The ablation's table: ``report.md``, ``report.json`` and ``report.html`` with plots."""
from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from effvit_compression.ablation.grid import Grid
from effvit_compression.ablation.plots import difference_plot, share_plot, time_plot
from effvit_compression.ablation.runner import Runner
from effvit_compression.ablation.score import narrowest
from effvit_compression.ablation.summary import RowFigures, Spread
from effvit_compression.export.bundle import replace_folder
from effvit_compression.profiling.latency import present_runtimes, side_by_side
from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.errors import UserError
from effvit_ros.core.machine import cpu_model
from effvit_ros.core.runtimes import RUNTIMES
from effvit_ros.core.whole_file import write_json
from effvit_ros.report.page import figure_of, Item, Page, table_of, Text
from effvit_ros.report.render import write_page

#: (row, runtime) -> median milliseconds.
Latencies = Mapping[Tuple[str, str], float]
NOTE = ('Each row differs from the recipe in nothing but what its overrides name. Scores are of '
        'the exported graph, run as on the drone, on pictures never trained on. Over several '
        'seeds: mean ± half the range; differences are taken seed by seed. One that is not '
        'larger than the spread over seeds says nothing.')


def write_report(grid: Grid, runner: Runner, folder: Path, failures: Mapping[str, str]) -> Path:
    """
    Measure the finished rows' latencies, write the report as a whole; returns the HTML's path.

    :raises UserError: nothing is finished.
    """
    found = {trial: runner.result(trial) for trial in grid.trials}
    rows = [RowFigures(name, {trial.seed: result for trial, result in found.items()
                              if trial.row == name and result}) for name in grid.rows]
    rows = [row for row in rows if row.trials]
    if not rows:
        raise UserError('no row is finished with these settings: nothing to report')
    reference = next((row for row in rows if row.name == grid.reference), rows[0])
    latencies = measure(grid, runner, rows)
    missing = [{'trial': trial.name, 'status': failures.get(trial.name) or runner.status(trial)}
               for trial, result in found.items() if not result]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix='.report-') as place:
        new = Path(place) / folder.name
        new.mkdir()
        items = items_of(rows, reference, latencies, missing, new)
        write_page(Page(f'{grid.recipe.name}: ablation', (), items), new)
        write_json(new / 'report.json', as_dict(rows, reference, latencies, missing))
        replace_folder(new, folder)
    return folder / 'report.html'


def measure(grid: Grid, runner: Runner, rows: List[RowFigures]) -> Latencies:
    """Time the graph of each row's first trial, in turns, on every runtime present."""
    bundles = {}
    for row in rows:
        seed = next(iter(row.trials))
        trial = next(t for t in grid.trials if (t.row, t.seed) == (row.name, seed))
        bundles[row.name] = narrowest(load_bundle(runner.place(trial) / row.first['bundle']))
    present = [set(present_runtimes(bundle)) for bundle in bundles.values()]
    in_all = [name for name in RUNTIMES if all(name in one for one in present)]
    return side_by_side(bundles, in_all)


def items_of(rows: Sequence[RowFigures], reference: RowFigures, latencies: Latencies,
             missing: Sequence[Mapping[str, str]], folder: Path) -> List[Item]:
    """Return text, tables and plots, which are drawn into ``folder``."""
    metrics = reference.metrics
    headline = [metric for metric in metrics if metric.startswith('mIoU ')]
    difference_plot(rows, reference, headline, folder / 'differences.png')
    items: List[Item] = [
        Text('How to read it', NOTE), table_of('Scores', score_rows(rows, metrics)),
        table_of(f'Difference from {reference.name}', difference_rows(rows, reference, metrics)),
        figure_of(f'mIoU, difference from {reference.name}', folder / 'differences.png'),
        table_of(f'Cost, latency of one inference in turns on {cpu_model() or "this CPU"}',
                 cost_rows(rows, reference, latencies))]
    runtime = next((runtime for _, runtime in latencies), None)
    if runtime and headline and len(rows) > 1:
        time_plot(rows, headline, {row.name: latencies[row.name, runtime] for row in rows},
                  runtime, folder / 'time.png')
        items.append(figure_of('Time against score', folder / 'time.png'))
    for number, dataset in enumerate(reference.first['scores']):
        plot = folder / f'classes_{number}.png'
        scored = [row for row in rows if dataset in row.first['scores']]
        share_plot(scored, dataset, plot)
        items += [table_of(f'IoU by class: {dataset}', class_rows(scored, dataset)),
                  figure_of(f'IoU by class and share of the pixels: {dataset}', plot)]
    if missing:
        items.append(table_of('Not finished', missing))
    return items


def score_rows(rows: Sequence[RowFigures], metrics: Sequence[str]) -> List[dict]:
    """Scores of each row."""
    return [{'row': row.name, 'seeds': ', '.join(map(str, row.trials)),
             **{metric: text(row.figure(metric)) for metric in metrics}} for row in rows]


def difference_rows(rows: Sequence[RowFigures], reference: RowFigures,
                    metrics: Sequence[str]) -> List[dict]:
    """Differences of each row but the reference."""
    return [{'row': row.name, **{metric: text(row.difference(reference, metric), '+')
                                 for metric in metrics}}
            for row in rows if row is not reference]


def cost_rows(rows: Sequence[RowFigures], reference: RowFigures,
              latencies: Latencies) -> List[dict]:
    """Size, cost and speed of each row; seconds are of its stages, shared ones included."""
    runtimes = list(dict.fromkeys(runtime for _, runtime in latencies))
    table = []
    for row in rows:
        trial = row.first
        cells = {'row': row.name, 'graph': trial['precision'],
                 'parameters, M': trial['parameters'] / 1e6, 'GMAC': trial['gmacs'],
                 'file, MB': trial['bytes'] / 1e6, 'iterations': trial['iterations'],
                 'wall, s': round(sum(trial['wall_s'].values()))}
        for runtime in runtimes:
            cells[f'{runtime}, ms'] = f'{latencies[row.name, runtime]:.1f}'
            ratio = latencies[reference.name, runtime] / latencies[row.name, runtime]
            cells[f'{runtime}, times as fast'] = f'{ratio:.2f}'
        table.append(cells)
    return table


def class_rows(rows: Sequence[RowFigures], dataset: str) -> List[dict]:
    """Tell the IoU of each class that occurs, a column for each row."""
    first = rows[0].first['scores'][dataset]['per_class']
    return [{'class': name, 'share of pixels': f'{entry["share"]:.3%}',
             'support': entry['support'],
             **{row.name: text(row.class_iou(dataset, name)) for row in rows}}
            for name, entry in first.items() if entry['support']]


def text(figure: Optional[Spread], sign: str = '') -> str:
    """One cell."""
    return figure.text(sign) if figure else '-'


def as_dict(rows: Sequence[RowFigures], reference: RowFigures, latencies: Latencies,
            missing: Sequence[Mapping[str, str]]) -> dict:
    """Everything, for programs."""
    def plain(figure: Optional[Spread]) -> Optional[dict]:
        return None if figure is None else {
            'mean': figure.mean, 'half_range': figure.half_range, 'n': figure.n}

    table: Dict[str, dict] = {}
    for row in rows:
        table[row.name] = {
            'scores': {metric: plain(row.figure(metric)) for metric in row.metrics},
            'difference': {metric: plain(row.difference(reference, metric))
                           for metric in row.metrics},
            'latency_ms': {runtime: milliseconds for (name, runtime), milliseconds
                           in latencies.items() if name == row.name},
            'trials': {str(seed): trial for seed, trial in row.trials.items()}}
    return {'reference': reference.name, 'machine': cpu_model(), 'rows': table,
            'not_finished': missing}
