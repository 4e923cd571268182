"""Stages in order, each skipped when it is finished and nothing that it depends on changed."""
from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Optional, Protocol, Sequence

from effvit_compression import ranks
from effvit_compression.data.description import DatasetDescription, load_description
from effvit_compression.data.pictures import Pictures
from effvit_compression.files import alone, locked, told
from effvit_compression.recipe import Recipe, Source
from effvit_compression.training.devices import Devices
from effvit_ros.core.errors import UserError
from effvit_ros.core.whole_file import write_text

RECIPE = 'recipe.json'   # as it was used
KEY = 'key.txt'          # what the stage depends on; written before it starts
RESULT = 'result.json'   # its figures; written last, so it also means "finished"
WALL = 'wall_s.txt'      # seconds from its last start to its end

#: Stages that leave a student, in their order.
STUDENTS = ('baseline', 'distill', 'prune', 'finetune', 'average', 'offsets')


class Stage(Protocol):
    """
    A step of a run: a module of ``stages``, or anything of this form.

    ``__name__`` ends with its name. A stage that works with every process also has a true
    ``TOGETHER``; the others run on rank 0 alone.
    """

    __name__: str

    @property
    def NEEDS(self) -> Sequence[str]:
        """Earlier stages whose results it reads."""

    def depends_on(self, recipe: Recipe) -> Any:
        """Return the settings that decide its result; None where the recipe leaves it out."""

    def run(self, run: Run, place: Path) -> dict:
        """Work in the folder, where an interrupted run may have left things; return figures."""


@dataclass
class Run:
    """
    A recipe being carried out in a folder.

    ``say`` prints a line; ``results`` holds the figures of the stages that are finished and
    ``keys`` the key of each that was looked at. With a ``store``, stages lie there by their key
    instead of in ``folder``, and runs that share it share every stage that they have in common.
    ``command`` started it.
    ``devices``: what its trainings run on. With several processes, each has its own ``Run``.
    """

    recipe: Recipe
    folder: Path
    say: Callable[[str], None] = print
    store: Optional[Path] = None
    devices: Devices = Devices()
    command: str = ''
    results: Dict[str, dict] = field(default_factory=dict)
    keys: Dict[str, str] = field(default_factory=dict)
    _pictures: Dict[tuple, Pictures] = field(default_factory=dict)

    def place(self, stage: str) -> Path:
        """Folder of a stage; with a store, of one whose key is known."""
        if self.store is None:
            return self.folder / stage
        return self.store / f'{stage}-{self.keys[stage][:12]}'

    def guard(self, stage: str) -> ContextManager[None]:
        """Context in which no other process works in the stage's folder, where runs share it."""
        if self.store is None or not ranks.is_first():
            return contextlib.nullcontext()
        return locked(self.place(stage).with_suffix('.lock'), lambda: self.say(
            f'{stage}: another process is at it, waiting'))

    def alone(self) -> ContextManager[None]:
        """Context in which no other run works in the folder; refuses where one does."""
        if self.store is not None:
            return contextlib.nullcontext()
        return alone(self.folder / 'lock', f'{self.folder}: another run is at work there: wait '
                     'for it, or give another --out')

    def description(self, source: Source) -> DatasetDescription:
        """Describe a source; what is rendered lies in this run's folder."""
        root = self.place('data') / source.dataset.stem if source.flight else source.root
        return load_description(source.dataset, root, self.recipe.class_set)

    def pictures(self, source: Source, split: str) -> Pictures:
        """Pictures of a source, kept in memory between the stages."""
        key = source.dataset, source.root, split
        if key not in self._pictures:
            self._pictures[key] = Pictures(self.description(source), split)
        return self._pictures[key]

    @property
    def student(self) -> str:
        """Name of the last finished stage that left a student."""
        return next(name for name in reversed(STUDENTS) if name in self.results)


def carry_out(run: Run, stages: Sequence[Stage], only: Optional[str] = None) -> None:
    """
    Run the stages that are not finished.

    :param only: run this stage alone; those before it must be finished.
    :raises UserError: ``only`` is no stage of the recipe, an earlier one is not finished, or
        another process works in the folder.
    """
    with contextlib.ExitStack() as stack:
        run.keys.update(ranks.on_rank_zero(lambda: begin(run, stages, only, stack)))
        ranks.check_shared(run.folder / RECIPE)
        carry_out_stages(run, stages, only)


def carry_out_stages(run: Run, stages: Sequence[Stage], only: Optional[str]) -> None:
    """Run those that are not finished, in a folder that is this run's alone."""
    for stage in (s for s in stages if name_of(s) in run.keys):
        name, place, key = name_of(stage), run.place(name_of(stage)), run.keys[name_of(stage)]
        with run.guard(name):
            if ranks.on_rank_zero(lambda: is_finished(place, key)):
                run.say(f'{name}: finished before, nothing changed')
            elif only and name != only:
                ranks.refuse(f'stage {only}: {name} comes before it and is not finished: run '
                             'that first')
            else:
                ranks.on_rank_zero(lambda: prepare(place, key))
                run.say(f'{name}: start')
                start = time.monotonic()
                figures = figures_of(run, stage, place)
                ranks.on_rank_zero(lambda: finish(place, figures, time.monotonic() - start))
        run.results[name] = ranks.on_rank_zero(lambda: json.loads(
            (place / RESULT).read_text(encoding='utf-8')))
        if name == only:
            return


def begin(run: Run, stages: Sequence[Stage], only: Optional[str],
          stack: contextlib.ExitStack) -> Dict[str, str]:
    """
    Write the recipe into the run's folder; return the keys of the stages that it has.

    :param stack: what keeps other runs out of the folder is entered there.
    """
    keys = keys_of(run.recipe, stages)
    if only and only not in keys:
        raise UserError(f'stage {only!r}: this recipe has {", ".join(keys)}')
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f'{run.folder}: {error.strerror}') from error
    stack.enter_context(run.alone())
    write_text(run.folder / RECIPE, run.recipe.model_dump_json(indent=2) + '\n')
    return keys


def figures_of(run: Run, stage: Stage, place: Path) -> dict:
    """Run a stage: by every process where it says TOGETHER, otherwise by rank 0 alone."""
    with told(str(place)):
        if getattr(stage, 'TOGETHER', False):
            return stage.run(run, place)
        return ranks.on_rank_zero(lambda: stage.run(run, place))


def finish(place: Path, figures: dict, seconds: float) -> None:
    """Write what makes a stage finished."""
    write_text(place / WALL, f'{seconds:.1f}\n')
    write_text(place / RESULT, json.dumps(figures, indent=2) + '\n')


def keys_of(recipe: Recipe, stages: Sequence[Stage]) -> Dict[str, str]:
    """Key of each stage that the recipe has, by name."""
    keys: Dict[str, str] = {}
    for stage in stages:
        settings = stage.depends_on(recipe)
        if settings is not None:
            before = [keys[needed] for needed in stage.NEEDS if needed in keys]
            keys[name_of(stage)] = key_of(name_of(stage), settings, before)
    return keys


def name_of(stage: Stage) -> str:
    """Name of a stage: that of its module."""
    return stage.__name__.rsplit('.', 1)[-1]


def key_of(name: str, settings: Any, before: Sequence[str]) -> str:
    """Hash of a stage's settings and of the keys of the stages that it needs."""
    text = json.dumps([name, settings, before], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def is_finished(place: Path, key: str) -> bool:
    """Whether the stage was carried out with this key."""
    return (place / RESULT).exists() and stored_key(place) == key


def stored_key(place: Path) -> str:
    """Key of what lies in a stage's folder, '' without one."""
    path = place / KEY
    return path.read_text(encoding='utf-8').strip() if path.exists() else ''


def prepare(place: Path, key: str) -> None:
    """Keep what an interrupted stage of this key left, remove anything else."""
    if stored_key(place) != key and place.exists():
        shutil.rmtree(place)
    write_text(place / KEY, key + '\n')
