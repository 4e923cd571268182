"""Carry out a recipe: every stage that is not finished, or one alone."""
from __future__ import annotations

from pathlib import Path


def add_arguments(parser) -> None:
    """Declare the command's options."""
    parser.add_argument('recipe', type=Path, metavar='RECIPE.yaml')
    parser.add_argument('--out', type=Path, help='folder (default: out/compression/NAME)')
    parser.add_argument('--set', action='append', default=[], metavar='KEY.KEY=VALUE',
                        help='change the recipe, for example teacher.model=FOLDER; may be given '
                             'several times')
    parser.add_argument('--stage', help='this stage alone; those before it must be finished')


def run(arguments) -> int:
    """Run and say where the results are."""
    from effvit_compression.recipe import load_recipe  # torch: slow to import
    recipe = load_recipe(arguments.recipe, arguments.set)
    from effvit_compression.pipeline import carry_out, Run
    from effvit_compression.stages import ORDER
    folder = arguments.out or Path('out') / 'compression' / recipe.name
    carry_out(Run(recipe, folder), ORDER, arguments.stage)
    print(f'finished: {folder}')
    return 0
