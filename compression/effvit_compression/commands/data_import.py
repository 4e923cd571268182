"""Turn an export of CVAT, Label Studio, Roboflow and others into a dataset to train on."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import List, Sequence, Tuple

import numpy as np
from rich.console import Console
from rich.table import Table

from effvit_compression.data.importers.export import Colour, Options, UNLABELLED
from effvit_compression.data.importers.forms import FORMS, read_export, unpacked
from effvit_compression.data.importers.mapping import mapping_of, table_of
from effvit_compression.data.importers.masks import check_colours
from effvit_compression.data.importers.pack import DESCRIPTION, pack, Packed, Refused
from effvit_ros.core.classes import load_classes, lpcv_classes
from effvit_ros.core.errors import UserError
from effvit_ros.report.progress import steps


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('export', type=Path,
                        help='Read this export of the tool: a zip or a folder.')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR',
                        help='Write the new dataset into this folder.')
    parser.add_argument('--form', choices=FORMS, default='',
                        help='Read the export as this form (default: found out).')
    parser.add_argument('--images', type=Path, action='append', default=[], metavar='DIR',
                        help='Take the pictures from here, if they are not in the export.')
    parser.add_argument('--classes', type=Path, metavar='FILE.yaml',
                        help='Map onto this class set (default: LPCV\'s 14).')
    parser.add_argument('--mapping', action='append', default=[], metavar='THEIRS=OURS',
                        help='Send a class of the export to one of ours or to ignore; or a YAML '
                             'file of such pairs (default: the same name).')
    parser.add_argument('--rest', default='', metavar='CLASS',
                        help='Give pixels that nobody labelled this class (default: they count '
                             'nowhere).')
    parser.add_argument('--colours', type=Path, metavar='FILE.yaml',
                        help='Read a folder of masks by the colours of this class set.')
    parser.add_argument('--leave-out', action='store_true',
                        help='Leave pictures with problems out instead of refusing them all.')


def run(arguments: argparse.Namespace) -> int:
    """Import, print what came of it; :raises UserError: there are problems, listed."""
    classes = load_classes(arguments.classes) if arguments.classes else lpcv_classes()
    names = classes.names
    if arguments.rest and arguments.rest not in names:
        raise UserError(f'--rest {arguments.rest}: no such class; there are {", ".join(names)}')
    rest = list(names).index(arguments.rest) if arguments.rest else UNLABELLED
    for place in arguments.images:
        if not place.is_dir():
            raise UserError(f'--images {place}: no such folder')
    options = Options(colour_table(arguments.colours) if arguments.colours else None)
    mapping = mapping_of(arguments.mapping)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with unpacked(arguments.export, arguments.out.parent) as folder:
        export = read_export(folder, arguments.form, options)
        table = table_of(export, names, mapping)
        try:
            with steps('import', len(export.drawings)) as advance:
                packed = pack(export, [folder, *arguments.images], arguments.out, names, table,
                              rest, arguments.leave_out, advance)
        except Refused as error:
            for problem in error.problems:
                print(problem)
            raise
    show(packed, names, export.form)
    print(f'dataset written: {arguments.out / DESCRIPTION}')
    return 0


def colour_table(path: Path) -> Tuple[List[str], List[Colour]]:
    """Return names and colours of a table; :raises UserError: bad, or one colour twice."""
    table = load_classes(path)
    colours = [c.color for c in table.classes]
    check_colours(table.names, colours, path)
    return list(table.names), colours


def show(packed: Packed, names: Sequence[str], form: str) -> None:
    """Print shares by class, splits, and the pictures that were left out."""
    for problem in packed.problems:
        print(f'left out: {problem}')
    total = packed.pixels.sum()
    splits = ', '.join(f'{count} {split}' for split, count in sorted(packed.pictures.items()))
    table = Table('id', 'class', 'share of labelled pixels', title=f'{form}: {splits}')
    for index in np.flatnonzero(packed.pixels).tolist():
        table.add_row(str(index), names[index], f'{packed.pixels[index] / total:.2%}')
    Console().print(table)
    print(f'{packed.bare / (total + packed.bare):.1%} of the pixels are unlabelled')
