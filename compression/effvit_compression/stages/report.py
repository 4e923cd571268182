"""One report over all stages: ``report.md``, ``report.json``, ``report.html`` with pictures."""
from __future__ import annotations

import json
import platform

import cv2

from effvit_compression.export.bundle import Description, make_variants, write_bundle
from effvit_compression.export.price import RUNTIME
from effvit_compression.models.store import load_model
from effvit_compression.profiling.latency import present_runtimes, side_by_side
from effvit_compression.reporting.page import markdown_page, page
from effvit_compression.reporting.pictures import (
    colours, contact_sheet, latency_plot, score_plot)
from effvit_compression.reporting.tables import class_rows, stage_rows
from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.core.whole_file import write_bytes, write_text

NEEDS = ('teacher', 'baseline', 'distill', 'prune', 'finetune', 'quantize', 'export')
#: Pictures of each dataset on the contact sheet.
EXAMPLES = 3


def depends_on(recipe):
    """Return nothing of its own: it depends on every other stage."""
    return []


def run(run, place):
    """Write the report; return the latencies."""
    bundle = load_bundle(run.place('export') / run.recipe.export.name)
    latencies = [{'network': network, 'runtime': runtime, 'median, ms': milliseconds}
                 for (network, runtime), milliseconds in compare(run, place, bundle).items()]
    rows = stage_rows(run.results)
    score_plot(rows, place / 'scores.png')
    latency_plot([tuple(row.values()) for row in latencies], place / 'latency.png')
    _, jpeg = cv2.imencode('.jpg', cv2.cvtColor(sheet(run, bundle), cv2.COLOR_RGB2BGR))
    write_bytes(place / 'sheet.jpg', jpeg.tobytes())
    quantized = run.results['quantize']
    sections = [('Networks', rows), ('mIoU by stage', place / 'scores.png')]
    sections += [(f'IoU by class: {name}', class_rows(run.results, name))
                 for name in next(iter(stage_scores(run)))]
    sections += [('Graphs', quantized['graphs'])]
    if quantized.get('int8'):
        sections += [('INT8 beside FP32', quantized['int8']['price']['scores'])]
    sections += [(f'Latency on {platform.processor() or platform.machine()}, one inference, '
                  'interleaved', latencies),
                 ('Latency', place / 'latency.png'),
                 ('Picture, truth, prediction', place / 'sheet.jpg')]
    title = f'{run.recipe.name}: compression report'
    write_text(place / 'report.html', page(title, sections))
    write_text(place / 'report.md', markdown_page(title, sections))
    write_text(place / 'report.json', json.dumps(
        {'stages': run.results, 'latency': latencies}, indent=2) + '\n')
    run.say(f'report: {place / "report.html"}')
    return {'latency': latencies}


def stage_scores(run):
    """Yield the scores of each stage that left a network."""
    return [result['scores'] for name, result in run.results.items()
            if isinstance(result.get('scores'), dict)]


def compare(run, place, bundle):
    """Time the exported bundle and, where it was pruned, the student before pruning."""
    bundles = {bundle.name: bundle}
    if bundle.prefer:
        bundles[f'{bundle.name} in FP32'] = bundle.preferring(RUNTIME, 'fp32')
    if 'prune' in run.results:
        before = 'distill' if 'distill' in run.results else 'baseline'
        net = load_model(run.place(before))
        picture = [run.pictures(run.recipe.data[0], 'val')[0][0]]
        picture = [cv2.resize(picture[0], (run.recipe.size, run.recipe.size))]
        made = make_variants(net, run.recipe.size, [('fp32', 'uint8')], picture)
        name = f'{bundle.name} before pruning'
        folder = write_bundle(net, made, place / 'before', run.recipe.size,
                              Description(name, (), '', ''))
        bundles = {name: load_bundle(folder), **bundles}
    return side_by_side(bundles, present_runtimes(bundle))


def sheet(run, bundle):
    """Rows of picture, truth and prediction."""
    rows = []
    with Segmenter(bundle) as segmenter:
        for source in run.recipe.data:
            pictures = run.pictures(source, 'val')
            step = max(1, len(pictures) // EXAMPLES)
            for index in range(0, min(len(pictures), step * EXAMPLES), step):
                image, truth = pictures[index]
                labels = segmenter.segment(image, 'rgb').labels
                rows.append([image, colours(truth), colours(labels)])
    return contact_sheet(rows)
