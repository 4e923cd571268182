"""The page of a search: the frontier, predicted and measured."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from matplotlib.figure import Figure

from effvit_compression.budget.search import Found
from effvit_ros.core.whole_file import write_json
from effvit_ros.report.facts import machine, now, versions
from effvit_ros.report.page import figure_of, Page, table_of, Text
from effvit_ros.report.render import write_page

PLOT = 'frontier.png'
NOTE = (
    'Each row is a network than which no cheaper one of the table of candidates computes as much '
    '(GMAC, 10^9 multiply-adds). Nothing was trained here: that the network which computes more '
    'is the better one is a prior, not a measurement. Of equals, full precision comes before INT8 '
    'and uncut channels before cut ones. Predicted: the sum of the parts, each measured once on '
    'the smallest and the largest input and reckoned by pixels in between, and the time around '
    'the graph. Measured: the whole graph, in turns with others. Weights are random, INT8 graphs '
    'were calibrated on one input of noise: enough for the time, which does not depend on the '
    'ranges. Times are the tenth percentile of some twenty runs, of one thread its CPU time: what '
    'other programs take of the machine is not in them.')


def rows_of(found: Found) -> List[Dict[str, Any]]:
    """Return the frontier as rows of a table, the cheapest first."""
    rows = []
    for candidate in found.ladder:
        cost, measured = found.predicted[candidate], found.measured.get(candidate)
        rows.append({
            'network': candidate.name, 'GMAC': f'{cost.gmacs:.2f}',
            'predicted, ms': f'{cost.ms:.2f}',
            'measured, ms': None if measured is None else f'{measured:.2f}',
            'off by': None if measured is None else f'{cost.ms / measured - 1:+.0%}',
            'fits': 'chosen' if candidate == found.chosen else None})
    return rows


def write_report(found: Found, budget_ms: float, setup: str, folder: Path) -> None:
    """
    Write report.html, report.md, report.json and the plot.

    :param setup: the runtime and its threads, in words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plot(found, budget_ms, folder / PLOT)
    rows = rows_of(found)
    facts = machine()
    page = Page(f'Networks within {budget_ms:g} ms', (
        ('budget', f'{budget_ms:g} ms'),
        ('chosen', found.chosen.name if found.chosen else 'none'),
        ('candidates', str(len(found.predicted)))), (
        Text('How to read it', NOTE),
        table_of(f'Frontier on {facts["cpu"]}, {setup}', rows,
                 f'Of each time {found.around_ms:.2f} ms are spent around the graph, by the '
                 'default bundle on pictures of 512x512.'),
        figure_of('Time against work', folder / PLOT)))
    write_page(page, folder)
    write_json(folder / 'report.json', {
        'budget_ms': budget_ms, 'around_ms': found.around_ms, 'setup': setup, 'rows': rows,
        'machine': facts, 'versions': versions(), 'date': now()})


def plot(found: Found, budget_ms: float, path: Path) -> None:
    """Draw all candidates, the frontier as predicted, and what was measured."""
    figure = Figure(figsize=(7, 4), layout='constrained')
    axes = figure.add_subplot()
    everything = found.predicted.values()
    axes.plot([c.ms for c in everything], [c.gmacs for c in everything], '.', color='lightgrey',
              label='candidates, predicted')
    ladder = [found.predicted[candidate] for candidate in found.ladder]
    axes.plot([c.ms for c in ladder], [c.gmacs for c in ladder], 'o-', markersize=4,
              label='frontier, predicted')
    axes.plot(list(found.measured.values()),
              [found.predicted[candidate].gmacs for candidate in found.measured], 'x',
              color='black', label='measured')
    axes.axvline(budget_ms, color='tab:red', linewidth=1, label=f'{budget_ms:g} ms')
    axes.set_xlabel('ms from picture to labels')
    axes.set_ylabel('GMAC')
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)
