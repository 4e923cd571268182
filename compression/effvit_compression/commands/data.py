"""Check a dataset against its description and print the classes' shares."""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from effvit_compression.data.check import check_split, never_seen
from effvit_compression.data.description import load_description
from effvit_ros.core.classes import load_classes
from effvit_ros.core.errors import UserError
from effvit_ros.report.progress import steps


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('dataset', type=Path, metavar='DATASET.yaml',
                        help='Take the data set that this file describes.')
    parser.add_argument('--root', type=Path,
                        help='Take the data from this folder, instead of the file\'s.')
    parser.add_argument('--classes', type=Path, metavar='FILE.yaml',
                        help='Map its classes onto this class set (default: LPCV\'s).')


def run(arguments: argparse.Namespace) -> int:
    """
    Print shares by split, classes that never occur, then every problem.

    :raises UserError: there are problems.
    """
    classes = load_classes(arguments.classes) if arguments.classes else None
    description = load_description(arguments.dataset, arguments.root, classes)
    problems, stored = [], np.zeros(256, np.int64)
    for split in description.splits:
        with steps(f'check {split}', description.count(split)) as advance:
            found = check_split(description, split, advance)
        problems += found.problems
        table = Table('id', 'class', 'share of pixels', 'pictures',
                      title=f'{description.name}/{split}: {found.pictures} pictures')
        total, labelled = found.pixels.sum() + found.ignored, found.pixels.sum()
        for index in found.pixels.nonzero()[0]:
            name = description.target.names[index]
            table.add_row(str(index), name, f'{found.pixels[index] / labelled:.3%}',
                          str(found.holders[index]))
        if total:
            table.add_row('', 'ignored, of all pixels', f'{found.ignored / total:.3%}', '')
        Console().print(table)
        if total and not labelled:
            problems.append(f'{split}: not one labelled pixel: only a teacher can say what is in '
                            'these pictures, and only of those to train on')
        stored += found.stored
    unseen = never_seen(description, stored) if stored.any() else []
    if unseen:
        print(f'not one pixel of: {", ".join(unseen)}')
    for problem in problems:
        print(problem)
    if problems:
        raise UserError(f'{arguments.dataset}: {len(problems)} problems, listed above')
    return 0
