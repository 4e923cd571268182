"""Train the rows of a recipe's ablation, each in its own process, and compare them."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('recipe', type=Path, metavar='RECIPE.yaml',
                        help='Carry out this recipe.')
    parser.add_argument('--out', type=Path,
                        help='Write the report into this folder (default: out/ablation/NAME).')
    parser.add_argument('--set', action='append', default=[], metavar='KEY.KEY=VALUE',
                        help='Change the recipe, for example teacher.model=FOLDER; may be given '
                             'several times.')
    part = parser.add_mutually_exclusive_group()
    part.add_argument('--list', action='store_true', help='Print the trials, ROW/SEED, and stop.')
    part.add_argument('--rows', default='', metavar='NAME[,NAME]',
                      help='Carry out these rows or trials alone, without a report.')
    part.add_argument('--row-index', type=int, metavar='N',
                      help='Carry out the trial at this place of --list alone, counted from 0.')
    part.add_argument('--report', action='store_true',
                      help='Train nothing, report what is finished.')


def run(arguments: argparse.Namespace) -> int:
    """Run trials and report; 1 when a trial failed."""
    from effvit_compression.ablation.grid import load_grid  # torch: slow to import
    from effvit_compression.ablation.report import write_report
    from effvit_compression.ablation.runner import Runner
    from effvit_ros.core.errors import UserError
    grid = load_grid(arguments.recipe, arguments.set)
    if arguments.list:
        print('\n'.join(trial.name for trial in grid.trials))
        return 0
    trials = grid.chosen([name for name in arguments.rows.split(',') if name])
    part = bool(arguments.rows)
    if arguments.row_index is not None:
        if not 0 <= arguments.row_index < len(trials):
            raise UserError(f'--row-index {arguments.row_index}: give 0 to {len(trials) - 1}')
        trials, part = [trials[arguments.row_index]], True
    folder = arguments.out or Path('out') / 'ablation' / grid.recipe.name
    runner = Runner(folder, grid.recipe, lambda line: print(line, flush=True))
    failures = {} if arguments.report else runner.run(trials)
    if not part and len(failures) < len(trials):
        print(f'report: {write_report(grid, runner, folder / "report", failures)}')
    if failures:
        reasons = '; '.join(f'{name}: {reason}' for name, reason in failures.items())
        print(f'error: {len(failures)} of {len(trials)} trials failed: {reasons}',
              file=sys.stderr)
        return 1
    return 0
