"""Find the network that fits a time on this machine, and write the recipe that trains it."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Sequence

from effvit_ros.core import cli
from effvit_ros.core.errors import UserError
from effvit_ros.core.install_paths import share_directory

#: Base of the recipe that is written.
RECIPE = Path('config/recipes/pruned.yaml')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('--ms', type=cli.positive, required=True,
                        help='Take at most so many milliseconds from a picture to its labels.')
    parser.add_argument('--runtime', choices=('openvino', 'onnxruntime'), default='openvino',
                        help='Measure in this runtime, which then flies (default: openvino).')
    parser.add_argument('--precision', choices=('auto', 'int8', 'fp32'), default='auto',
                        help='Search graphs of this precision; auto: int8 and fp32 on openvino, '
                             'fp32 on onnxruntime (default: auto).')
    parser.add_argument('--threads', type=cli.count_from_one, default=2,
                        help='Use so many CPU threads (default: 2).')
    parser.add_argument('--recipe', type=Path, metavar='RECIPE.yaml',
                        help='Take data and trainings over from this recipe (default: the shipped '
                             f'{RECIPE.name}).')
    parser.add_argument('--out', type=Path, default=Path('out/budget/budget.yaml'),
                        metavar='FILE.yaml',
                        help='Write the new recipe into this file; next to it come FILE_report/ '
                             'and times.json, from which later searches go on (default: '
                             'out/budget/budget.yaml).')


def run(arguments: argparse.Namespace) -> int:
    """Search, report and write the recipe."""
    if arguments.out.suffix not in ('.yaml', '.yml'):
        raise UserError(f'--out {arguments.out}: give a name that ends in .yaml')
    from effvit_compression.budget.candidates import candidates  # torch: slow to import
    from effvit_compression.budget.recipe_file import write_recipe
    from effvit_compression.budget.report import rows_of, write_report
    from effvit_compression.budget.search import search
    from effvit_compression.budget.times import Times
    from effvit_compression.recipe import load_recipe
    from effvit_ros.report.render import markdown_table
    base = load_recipe(arguments.recipe or share_directory() / RECIPE)
    place, runtime, threads = arguments.out.parent, arguments.runtime, arguments.threads
    place.mkdir(parents=True, exist_ok=True)
    times = Times(place / 'times.json', runtime, threads)
    choices = candidates(precisions(arguments.precision, runtime))
    found = search(choices, arguments.ms, times, runtime, threads, base.class_set)
    print(markdown_table([row for row in rows_of(found) if row['measured, ms']]), end='')
    setup = f'{runtime}, {threads} thread{"s" * (threads > 1)}'
    report = place / f'{arguments.out.stem}_report'
    write_report(found, arguments.ms, setup, report)
    print(f'the whole frontier: {report / "report.html"}')
    if found.chosen is None:
        ms, cheapest = min((ms, candidate) for candidate, ms in found.measured.items())
        raise UserError(
            f'--ms {arguments.ms:g}: the cheapest that there is takes {ms:.2f} ms here: '
            f'{cheapest.name}; no recipe was written')
    comment = (f'{found.chosen.name}: {found.measured[found.chosen]:.2f} ms on '
               f'{setup}, from a picture to its labels; '
               f'of {len(choices)} candidates\n'
               f'effvit-compress budget --ms {arguments.ms:g} --runtime {runtime} --precision '
               f'{arguments.precision} --threads {threads}')
    write_recipe(base, found.chosen, arguments.out, comment)
    print(f'written: {arguments.out} ({found.chosen.name}: '
          f'{found.measured[found.chosen]:.2f} ms)')
    return 0


def precisions(wanted: str, runtime: str) -> Sequence[str]:
    """Return what is searched; INT8 graphs are slow on ONNX Runtime, so only where asked for."""
    if wanted != 'auto':
        return (wanted,)
    return ('fp32', 'int8') if runtime == 'openvino' else ('fp32',)
