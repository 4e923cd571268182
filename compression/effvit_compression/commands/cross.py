"""Score a bundle on other datasets, whatever their classes, mapped onto its own."""
from __future__ import annotations

import argparse
import json
from pathlib import Path

from effvit_compression.data.description import load_description
from effvit_compression.data.pictures import Pictures
from effvit_compression.evaluation import evaluate_bundle
from effvit_ros.core.alerts import alert_classes
from effvit_ros.core.bundle import load_bundle, resolve_model
from effvit_ros.core.errors import UserError
from effvit_ros.core.mistakes import told
from effvit_ros.core.whole_file import write_text
from effvit_ros.report.progress import steps
from effvit_ros.report.render import markdown_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('dataset', type=Path, nargs='+', metavar='DATASET.yaml',
                        help='Take the data set that this file describes.')
    parser.add_argument('--bundle', default='', metavar='DIR',
                        help="Take this bundle: a folder, or a shipped one's name (default: the "
                             'default one).')
    parser.add_argument('--split', default='val',
                        help='Take this split of the data (default: %(default)s).')
    parser.add_argument('--runtime', default='auto',
                        help='Execute the graph in this runtime (default: %(default)s).')
    parser.add_argument('--json', type=Path, metavar='OUT',
                        help='Also write the result as JSON.')


def run(arguments: argparse.Namespace) -> int:
    """Score on each dataset, print one table; :raises UserError: classes don't map onto its."""
    bundle = load_bundle(resolve_model(arguments.bundle))
    learnt = {entry['name'] for entry in (bundle.manifest.get('training') or {}).get('data', [])}
    reports, rows = {}, []
    descriptions = [load_description(path, classes=bundle.class_set) for path in arguments.dataset]
    names = [description.name for description in descriptions]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f'two datasets named {name}: give each a name of its own')
    for description in descriptions:
        pictures = Pictures(description, arguments.split)
        with steps(description.name, len(pictures)) as advance:
            scores = evaluate_bundle(bundle, pictures, arguments.runtime,
                                     only=description.trusted, advance=advance)
        pictures.refuse_hidden_class()
        report = {**scores.as_dict(), 'trained_on': description.name in learnt}
        reports[description.name] = report
        rows.append({'dataset': description.name, 'pictures': report['n_images'],
                     'trained on its other pictures': 'yes' if report['trained_on'] else 'no',
                     'mIoU': report['miou'], 'classes present': report['classes_present'],
                     **({'LPCV mDice': report['mdice_lpcv']}
                        if bundle.class_set.is_lpcv else {})})
    print(markdown_table(rows), end='')
    for name, report in reports.items():
        print(f'{name}: {told(report, alert_classes())}')
    if arguments.json:
        write_text(arguments.json, json.dumps(reports, indent=2) + '\n')
    return 0
