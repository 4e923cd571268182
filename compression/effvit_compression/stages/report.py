"""One report over all stages: ``report.md``, ``report.json``, ``report.html`` with pictures."""
from __future__ import annotations

import platform
from pathlib import Path
from typing import Dict, List

import cv2
import numpy as np

from effvit_compression.data.pictures import stretched
from effvit_compression.export.bundle import Description, make_variants, write_bundle
from effvit_compression.models.store import load_model
from effvit_compression.pipeline import Run
from effvit_compression.recipe import Recipe
from effvit_compression.reporting.costs import costs, in_precision
from effvit_compression.reporting.pictures import latency_plot, score_plot
from effvit_compression.reporting.tables import class_rows, int8_row, NETWORKS, stage_rows
from effvit_ros.core.bundle import Bundle, load_bundle
from effvit_ros.core.machine import cpu_model
from effvit_ros.core.overlay import Overlay
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.core.whole_file import write_bytes, write_json
from effvit_ros.report.contact_sheet import classes_in, contact_sheet, Row
from effvit_ros.report.page import figure_of, Item, Page, table_of, Text
from effvit_ros.report.render import write_page

NEEDS = (*NETWORKS, 'quantize', 'export')
#: Pictures of each dataset on the contact sheet.
EXAMPLES = 3
EXPLANATION = (
    'Scores are those of the networks in torch on pictures never trained on. The students are '
    'also measured as graphs in FP32 on {cpu}, on every runtime that is present: median of one '
    'inference, all of them in turns in one run, and the peak memory of a process that does '
    'nothing else (2^20 bytes). Beside an FP16 graph the last student\'s FP32 graph stores its '
    'weights in FP16: half the file. The teacher does not fly.')


def depends_on(recipe: Recipe) -> list:
    """Return nothing of its own: it depends on every other stage."""
    return []


def run(run: Run, place: Path) -> dict:
    """Write the report; return what the graphs cost."""
    bundle = load_bundle(run.place('export') / run.recipe.export.name)
    rows, costing = table(run), costs(deployable(run, place, bundle))
    for row in rows:
        row.update(costing.get(row['stage'], {}))
    score_plot(rows, place / 'scores.png')
    latency_plot(rows, place / 'latency.png')
    write_bytes(place / 'sheet.jpg',
                cv2.imencode('.jpg', sheet(run, bundle))[1].tobytes())
    quantized = run.results['quantize']
    items: List[Item] = [
        Text('Stages', EXPLANATION.format(cpu=cpu_model() or platform.machine())),
        table_of('Size, scores and cost', rows),
        figure_of('mIoU by stage', place / 'scores.png')]
    items += [table_of(f'IoU by class: {name}', class_rows(run.results, name))
              for name in next(iter(stage_scores(run)))]
    items.append(table_of('Graphs', quantized['graphs']))
    if quantized.get('int8'):
        items.append(table_of('INT8 against FP32', quantized['int8']['price']['scores']))
    items += [figure_of('Latency', place / 'latency.png'),
              figure_of('Picture, truth, prediction', place / 'sheet.jpg')]
    write_page(Page(f'{run.recipe.name}: compression report', (), items), place)
    write_json(place / 'report.json', {'stages': run.results, 'cost': costing})
    run.say(f'report: {place / "report.html"}')
    return {'cost': costing}


def table(run: Run) -> List[dict]:
    """Rows of the stages' networks and, where there is one, of the graph in INT8."""
    rows, quantized = stage_rows(run.results), run.results['quantize']
    if quantized.get('int8'):
        rows.append(int8_row(quantized['student'], quantized['int8']['price'],
                             list(run.results[quantized['student']]['scores'])))
    return rows


def stage_scores(run: Run) -> List[Dict[str, dict]]:
    """Return the scores of each stage that left a network."""
    return [run.results[name]['scores'] for name in NETWORKS if name in run.results]


def deployable(run: Run, place: Path, bundle: Bundle) -> Dict[str, Bundle]:
    """
    Return a bundle by row of the table: each stage's student in FP32, the last one in INT8, too.

    Those of earlier stages are written into ``place``.
    """
    size, first = run.recipe.size, run.pictures(run.recipe.data[0], 'val')[0][0]
    last, bundles = run.results['quantize']['student'], {}
    for stage in (s for s in NETWORKS if s in run.results and s not in ('teacher', last)):
        net = load_model(run.place(stage))
        made = make_variants(net, size, [('fp32', 'uint8')], [stretched(first, size)])
        folder = write_bundle(net, made, place / 'networks' / stage, size,
                              Description(stage, (), '', ''))
        bundles[stage] = load_bundle(folder)
    bundles[last] = in_precision(bundle, 'fp32')
    if run.results['quantize'].get('int8'):
        bundles[f'{last} in INT8'] = in_precision(bundle, 'int8')
    return bundles


def sheet(run: Run, bundle: Bundle) -> np.ndarray:
    """Return the contact sheet of some pictures of each dataset, (H, W, 3) uint8 BGR."""
    overlay, rows, shown = Overlay(bundle.names, bundle.palette), [], []
    with Segmenter(bundle) as segmenter:
        for source in run.recipe.data:
            pictures = run.pictures(source, 'val')
            step = max(1, len(pictures) // EXAMPLES)
            for index in range(0, min(len(pictures), step * EXAMPLES), step):
                image, truth = pictures[index]
                labels = segmenter.segment(image, 'rgb').labels.copy()
                shown += [truth, labels]
                rows.append(Row('', (('picture', cv2.cvtColor(image, cv2.COLOR_RGB2BGR)),
                                     ('truth', overlay.colorize(truth)),
                                     ('prediction', overlay.colorize(labels)))))
    return contact_sheet(rows, bundle.names, bundle.palette, classes_in(shown))
