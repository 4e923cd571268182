"""Carry out a recipe: every stage that is not finished, or one alone."""
from __future__ import annotations

import argparse
import functools
import shlex
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument('recipe', type=Path, metavar='RECIPE.yaml',
                        help='Carry out this recipe.')
    parser.add_argument('--out', type=Path,
                        help='Write the results into this folder (default: out/compression/NAME).')
    parser.add_argument('--set', action='append', default=[], metavar='KEY.KEY=VALUE',
                        help='Change the recipe, for example teacher.model=FOLDER; may be given '
                             'several times.')
    parser.add_argument('--stage',
                        help='Carry out this stage alone; those before it must be finished.')
    parser.add_argument('--accelerator', choices=('auto', 'cpu', 'cuda', 'gpu', 'mps'),
                        default='auto', help='Train on this (default: a GPU where there is one).')
    parser.add_argument('--devices', default='', metavar='N',
                        help='Use so many devices of each machine, or auto for every GPU '
                             '(default: 1, under torchrun its number).')
    parser.add_argument('--nodes', type=int, default=0, metavar='N',
                        help='Train on so many machines (default: 1, under torchrun its number).')


def run(arguments: argparse.Namespace) -> int:
    """Run and say where the results are."""
    from effvit_compression import ranks  # torch: slow to import
    from effvit_compression.pipeline import carry_out, Run
    from effvit_compression.recipe import load_recipe
    from effvit_compression.stages import ORDER
    from effvit_compression.training.devices import by_environment, fabric_on
    with ranks.rank_zero_reports():
        devices = by_environment(arguments.accelerator, arguments.devices, arguments.nodes)
        recipe = load_recipe(arguments.recipe, arguments.set)
        if devices.several:
            fabric_on(devices)  # starts the other processes, or meets them
    folder = arguments.out or Path('out') / 'compression' / recipe.name
    say = functools.partial(print, flush=True) if ranks.is_first() else lambda line: None
    settings = [word for setting in arguments.set for word in ('--set', setting)]
    command = shlex.join(['effvit-compress', 'run', arguments.recipe.name, *settings])
    carry_out(Run(recipe, folder, say, devices=devices, command=command), ORDER, arguments.stage)
    say(f'finished: {folder}')
    return 0
