"""The trials of an ablation: every row with every seed of its, as a recipe of its own."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence

from effvit_compression.ablation_settings import Row
from effvit_compression.overrides import merged, with_settings
from effvit_compression.recipe import given, Recipe, recipe_of
from effvit_ros.core.errors import UserError
from effvit_ros.core.yaml_files import read_yaml


@dataclass(frozen=True, eq=False)
class Trial:
    """
    A row with a seed.

    ``taught``: the row leaves the recipe's teacher alone, so that it is trained once for all.
    """

    row: str
    seed: int
    recipe: Recipe
    taught: bool

    @property
    def name(self) -> str:
        """Name of it in lists, and of its folder."""
        return f'{self.row}/{self.seed}'


@dataclass(frozen=True)
class Grid:
    """The recipe as written, its trials, and the row that the others are compared with."""

    recipe: Recipe
    trials: List[Trial]
    reference: str

    @property
    def rows(self) -> List[str]:
        """Names of the rows in order."""
        return list(dict.fromkeys(trial.row for trial in self.trials))

    def chosen(self, names: Sequence[str]) -> List[Trial]:
        """
        Trials of these rows (``kd``: with all its seeds) or of these names (``kd/0``).

        :raises UserError: there is no such row or trial.
        """
        for name in names:
            if not any(name in (trial.row, trial.name) for trial in self.trials):
                raise UserError(f'--rows {name}: the rows are {", ".join(self.rows)}')
        return [t for t in self.trials if not names or t.row in names or t.name in names]


def load_grid(path: Path, settings: Sequence[str] = ()) -> Grid:
    """
    Read a recipe and make its trials; every one is validated.

    :param settings: changes of the recipe, each as ``key.key=value``.
    :raises UserError: the recipe, or what a row makes of it, is wrong.
    """
    path = Path(path)
    fields = with_settings(read_yaml(path, 'recipe'), settings)
    recipe = recipe_of(fields, path)
    rows = recipe.ablation.rows or default_rows(recipe)
    trials = []
    for name, row in rows.items():
        for seed in row.seeds or recipe.ablation.seeds:
            changes = {**row.changes, 'seed': seed, 'ablation': None}
            variant = recipe_of(merged(fields, changes), path, name)
            trials.append(Trial(name, seed, variant, bool(
                variant.teacher and not variant.teacher.model
                and variant.teacher == recipe.teacher)))
    return Grid(recipe, trials, recipe.ablation.reference or next(iter(rows)))


def default_rows(recipe: Recipe) -> Dict[str, Row]:
    """{baseline, +KD, +prune, +FP16, KD+prune, all}, as far as the recipe has the sections."""
    student = given(recipe.baseline or recipe.distill).training.model_dump(mode='json')
    alone: Dict[str, Any] = {
        'baseline': {'training': student}, 'teacher': None, 'distill': None}
    taught: Dict[str, Any] = {'baseline': None}
    if not recipe.distill:
        taught['distill'] = {'training': student}
    whole = {'prune': None, 'finetune': None}
    fp32 = {'quantize': {'fp16': False, 'int8': None}}
    fp16 = {'quantize': {'fp16': True, 'int8': None}}
    rows = {'baseline': {**alone, **whole, **fp32}}
    if recipe.teacher:
        rows['kd'] = {**taught, **whole, **fp32}
    if recipe.prune:
        rows['prune'] = {**alone, **fp32}
    rows['fp16'] = {**alone, **whole, **fp16}
    if recipe.teacher and recipe.prune:
        rows['kd_prune'] = {**taught, **fp32}
    if recipe.teacher or recipe.prune:
        rows['all'] = {**(taught if recipe.teacher else alone), **fp16}
    return {name: Row(**changes) for name, changes in rows.items()}
